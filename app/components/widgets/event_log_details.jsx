import { Suspense, lazy, useMemo, useState } from "react";
import { bracketed, formatSize, grouped, isMarkdown, placeOf } from "./event_log_text.js";
import { copy } from "./event_log_view.js";
import Tree from "./event_log_tree.jsx";

const Markdown = lazy(() => import("./markdown.jsx"));
const Again = lazy(() => import("./view_again.jsx"));
const LONG = 100_000;

const resultOf = ({ outcome, payload }) => (outcome ?? payload).result;
const textOf = ({ payload, stream, text, type, outcome }) =>
  type === "retrieved" ? payload.passages.map((passage) => `${placeOf(passage)}\n${passage.text}`).join("\n\n")
    : stream ? text : payload.output?.answer ?? payload.text ?? payload.error ?? payload.content ?? (typeof resultOf({ outcome, payload }) === "string" ? resultOf({ outcome, payload }) : "");

/** All data of the events that a line stands for. */
const dataOf = ({ from, to, ts, type, payload, outcome, usage }) => ({
  seq: from === to ? from : [from, to], ts: new Date(ts).toISOString(), type, ...payload, ...(outcome ? { ...outcome } : {}), ...(usage ? { usage } : {}),
});

function saveText(name, text) {
  const url = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  Object.assign(document.createElement("a"), { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

const REST = "The others are in the calls before, or were left out for their size.";

/** What a model was sent: the messages that the calls before it did not have. */
function Prompt({ call }) {
  const { messages, size, tools } = call;
  const rest = size - messages.length;
  return (
    <>
      <p className="mt-2 text-muted">
        Temperature {call.temperature}, at most {grouped(call.max_tokens)} tokens.{tools.length > 0 ? ` Tools: ${tools.join(", ")}.` : ""}{rest > 0 ? ` ${REST}` : ""}
      </p>
      <ol aria-label="Prompt" tabIndex={0} className="mt-1 max-h-96 overflow-auto">
        {messages.map(({ n, role, text }) => (
          <li key={n} className="mt-2">
            <p className="font-medium text-muted">{n}. {role}</p>
            <p className="whitespace-pre-wrap [overflow-wrap:anywhere]">{text}</p>
          </li>
        ))}
      </ol>
    </>
  );
}

/** What a model was told, where the log has it, and what it thought before it spoke. */
function Before({ row }) {
  const { call } = row.events?.[0]?.payload ?? {};
  const fold = "border-b border-line px-3 py-1.5 text-xs";
  return (
    <>
      {call && (
        <details className={fold}>
          <summary className="font-medium text-muted hover:text-ink">Prompt, {call.size} message{call.size === 1 ? "" : "s"}{call.messages.length < call.size ? `, ${call.messages.length} of them new` : ""}</summary>
          <Prompt call={call} />
        </details>
      )}
      {row.reasoning && (
        <details className={fold}>
          <summary className="font-medium text-muted hover:text-ink">Reasoning, {grouped(row.reasoning.length)} characters</summary>
          <p className="mt-2 whitespace-pre-wrap [overflow-wrap:anywhere]">{row.reasoning}</p>
        </details>
      )}
    </>
  );
}

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

/** What is behind a line: its text, rendered or as it is, and its data as a tree; `again` is the run that can be retried from before it. */
export default function Details({ row, again }) {
  const text = textOf(row);
  const [shown, show] = useState(text ? "text" : "data");
  const [isCopied, setCopied] = useState(false);
  const data = useMemo(() => dataOf(row), [row, row.version]);
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
      {again && <Suspense fallback={null}><Again runId={again} ts={row.ts} /></Suspense>}
      <Before row={row} />
      {shown === "data" ? <Tree data={data} /> : <div className="max-h-96 overflow-auto p-3" tabIndex={0} role="region" aria-label="Content">
        {shown === "text" && (
          <Suspense fallback={<p className="whitespace-pre-wrap">{body}</p>}>
            {row.type === "retrieved" ? <Passages passages={row.payload.passages} /> : <div className="prose font-sans text-sm"><Markdown text={body} /></div>}
          </Suspense>
        )}
        {shown === "raw" && <pre className="whitespace-pre-wrap [overflow-wrap:anywhere]">{body}</pre>}
        {isCut && (
          <p className="mt-2 text-warn">
            Cut after {formatSize(LONG)} of {formatSize(text.length)}.{" "}
            <button type="button" className="font-medium underline" onClick={() => saveText(`event-${row.from}.txt`, text)}>Download all of it</button>
          </p>
        )}
      </div>}
    </div>
  );
}
