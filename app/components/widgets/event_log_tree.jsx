import { useMemo, useRef, useState } from "react";
import { isBranch, nodesOf, pathOf, valueText } from "./event_log_text.js";
import { copy } from "./event_log_view.js";

const COLORS = { string: "text-ok", number: "text-warn", boolean: "text-warn" };
const BUTTON = "inline-flex h-6 items-center rounded border border-line bg-raised px-1.5 font-sans text-[11px] font-medium text-muted hover:border-line-strong hover:text-ink";

function Value({ value, isOpen }) {
  if (!isBranch(value)) {
    const text = typeof value === "string" ? `"${value}"` : String(value);
    return <span className={`whitespace-pre-wrap ${COLORS[typeof value] ?? "text-faint"}`}>{text}</span>;
  }
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  const size = Object.keys(value).length;
  return <span className="text-faint">{isOpen && size ? open : `${open}${size || ""}${close}`}</span>;
}

function useKeys(nodes, at, setAt, toggle, tree) {
  return (event) => {
    const isPress = event.key === "Enter" || event.key === " ";
    if (event.ctrlKey || event.metaKey || event.altKey || (isPress && event.target.closest("button"))) return;
    const index = nodes.findIndex((node) => node.path === at);
    const { value, isOpen, keys } = nodes[index];
    const move = (to) => {
      const next = Math.max(0, Math.min(nodes.length - 1, to));
      setAt(nodes[next].path);
      tree.current.children[next].focus();
    };
    const parent = () => nodes.findIndex((node) => node.path === pathOf(keys.slice(0, -1)));
    const work = {
      ArrowDown: () => move(index + 1), ArrowUp: () => move(index - 1), Home: () => move(0), End: () => move(nodes.length - 1),
      ArrowRight: () => isBranch(value) && (isOpen ? move(index + 1) : toggle(at)),
      ArrowLeft: () => (isBranch(value) && isOpen ? toggle(at) : keys.length > 1 && move(parent())),
      Enter: () => isBranch(value) && toggle(at), " ": () => isBranch(value) && toggle(at),
    }[event.key];
    if (!work) return;
    event.preventDefault();
    event.stopPropagation(); // the same keys move through the lines of the log
    work();
  };
}

function CopyButton({ what, path, text, say }) {
  const [isCopied, setCopied] = useState(false);
  const press = async (event) => {
    event.stopPropagation(); // the row would open or close
    await copy(text);
    setCopied(true);
    say(`Copied the ${what}.`);
    setTimeout(() => {
      setCopied(false);
      say("");
    }, 1200);
  };
  return (
    <button type="button" title={`Copy the ${what} of ${path}`} onClick={press} className={BUTTON}>
      {isCopied ? "Copied" : `Copy ${what}`}
    </button>
  );
}

/** Data as a tree; of the chosen place, the path or the value can be copied. */
export default function Tree({ data }) {
  const [toggled, setToggled] = useState(() => new Set());
  const nodes = useMemo(() => nodesOf(data, toggled), [data, toggled]);
  const [place, setAt] = useState("");
  const at = (nodes.find((node) => node.path === place) ?? nodes[0]).path;
  const [said, say] = useState("");
  const tree = useRef(null);
  const toggle = (path) => setToggled((old) => {
    const next = new Set(old);
    if (!next.delete(path)) next.add(path);
    return next;
  });
  const press = ({ path, value }) => {
    if (window.getSelection()?.toString()) return;
    setAt(path);
    if (isBranch(value)) toggle(path);
  };
  return (
    <>
      <div ref={tree} role="tree" aria-label="Data" className="max-h-96 overflow-auto p-2" onKeyDown={useKeys(nodes, at, setAt, toggle, tree)}>
        {nodes.map((node) => (
          <div key={node.path} role="treeitem" aria-level={node.keys.length} aria-expanded={isBranch(node.value) ? node.isOpen : undefined}
            aria-selected={node.path === at} tabIndex={node.path === at ? 0 : -1} onFocus={() => setAt(node.path)} onClick={() => press(node)}
            style={{ paddingInlineStart: `${(node.keys.length - 1) * 0.875}rem` }}
            className="flex min-h-6 cursor-pointer items-start rounded py-0.5 pe-1 -outline-offset-2 hover:bg-sunken aria-selected:bg-accent-soft">
            <span aria-hidden="true" className="w-4 shrink-0 text-center text-faint">{isBranch(node.value) ? (node.isOpen ? "▾" : "▸") : ""}</span>
            <span className="flex min-w-0 flex-1 flex-wrap-reverse items-end gap-x-2">
              <span className="min-w-0 flex-auto basis-40 [overflow-wrap:anywhere]">
                <span className="me-1.5 text-accent">{node.keys.at(-1)}:</span><Value value={node.value} isOpen={node.isOpen} />
              </span>
              {node.path === at && (
                <span className="ms-auto flex shrink-0 gap-0.5">
                  <CopyButton what="path" path={at} text={at} say={say} />
                  <CopyButton what="value" path={at} text={valueText(node.value)} say={say} />
                </span>
              )}
            </span>
          </div>
        ))}
      </div>
      <span role="status" className="sr-only">{said}</span>
    </>
  );
}
