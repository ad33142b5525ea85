import { Suspense, lazy, useMemo, useState } from "react";
import { bracketed, isMarkdown, placeOf } from "./event_log_text.js";
import { copy } from "./event_log_view.js";
import Tree from "./event_log_tree.jsx";

const Markdown = lazy(() => import("./markdown.jsx"));
const LONG = 100_000;

const textOf = ({ payload, stream, text, type }) =>
  type === "retrieved" ? payload.passages.map((passage) => `${placeOf(passage)}\n${passage.text}`).join("\n\n")
    : stream ? text : payload.output?.answer ?? payload.text ?? payload.error ?? payload.content ?? (typeof payload.result === "string" ? payload.result : "");

function Tab({ name, shown, onShow, children }) {
  return (
    <button type="button" aria-pressed={shown === name} onClick={() => onShow(name)}
      className="h-6 rounded px-2 text-xs font-medium text-muted hover:text-ink aria-pressed:bg-sunken aria-pressed:text-ink">{children}</button>
  );
}

/** The passages that a search found, as they read; what is not Markdown keeps its characters. */
function Passages({ passages }) {
  return (
    <ol className="flex flex-col gap-3">
      {passages.map((passage) => (
        <li key={passage.n} className="font-sans text-sm">
          <p className="text-xs font-medium break-words text-muted">{placeOf(passage)}</p>
          {isMarkdown(passage.document_name)
            ? <div className="prose mt-1 break-words"><Markdown text={passage.text} /></div>
            : <p className="break-words whitespace-pre-line">{passage.text}</p>}
        </li>
      ))}
    </ol>
  );
}

/** What is behind a line: its text, rendered or as it is, and its data as a tree. */
export default function Details({ row }) {
  const text = textOf(row);
  const [shown, show] = useState(text ? "text" : "data");
  const [isCopied, setCopied] = useState(false);
  const data = useMemo(() => ({ seq: row.from === row.to ? row.from : [row.from, row.to], ts: new Date(row.ts).toISOString(), type: row.type, ...row.payload }), [row, row.version]);
  const isCut = text.length > LONG;
  const body = isCut ? text.slice(0, LONG) : text;
  const copyShown = async () => {
    await copy(shown === "data" ? JSON.stringify(data, null, 2) : text);
    setCopied(true);
    setTimeout(() => setCopied(false), 1200);
  };
  return (
    <div className="mx-3 mt-1 mb-2 rounded-lg border border-line bg-surface sm:ms-9" aria-label={`Details of ${bracketed(row.tag)}`} role="group">
      <div className="flex items-center gap-1 border-b border-line p-1">
        {text && <Tab name="text" shown={shown} onShow={show}>Text</Tab>}
        {text && <Tab name="raw" shown={shown} onShow={show}>Raw</Tab>}
        <Tab name="data" shown={shown} onShow={show}>Data</Tab>
        <button type="button" onClick={copyShown} className="ms-auto h-6 rounded px-2 text-xs font-medium text-muted hover:bg-sunken hover:text-ink">
          {isCopied ? "Copied" : "Copy all"}
        </button>
      </div>
      {shown === "data" ? <Tree data={data} /> : <div className="max-h-96 overflow-auto p-3" tabIndex={0} role="region" aria-label="Content">
        {shown === "text" && (
          <Suspense fallback={<p className="whitespace-pre-wrap">{body}</p>}>
            {row.type === "retrieved" ? <Passages passages={row.payload.passages} /> : <div className="prose font-sans text-sm"><Markdown text={body} /></div>}
          </Suspense>
        )}
        {shown === "raw" && <pre className="whitespace-pre-wrap [overflow-wrap:anywhere]">{body}</pre>}
        {isCut && <p className="mt-2 text-warn">Cut after {LONG.toLocaleString("en")} of {text.length.toLocaleString("en")} characters. Copy or download has all of it.</p>}
      </div>}
    </div>
  );
}
