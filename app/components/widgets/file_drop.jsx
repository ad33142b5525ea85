import { useEffect, useRef, useState } from "react";

const AT_ONCE = 3;
const NEW = "uploaded";
const ICONS = { waiting: "○", sending: "◐", taken: "✓", known: "✓", refused: "✕" };
const COLORS = { waiting: "text-accent", sending: "text-accent", taken: "text-ok", known: "text-ok", refused: "text-bad" };

/** Post one file; an error is words for people, and `document` is what became of it. */
function send(url, file, onProgress) {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    request.open("POST", url);
    request.setRequestHeader("Accept", "application/json");
    request.upload.onprogress = (event) => onProgress(event.lengthComputable ? event.loaded / event.total : 0);
    request.onload = () => {
      let answer = {};
      try { answer = JSON.parse(request.responseText); } catch { /* an answer of a proxy, not ours */ }
      if (request.status === 401) return window.location.reload();
      const details = Object.values(answer.details ?? {}).flat();
      const message = details[0] ?? answer.message ?? answer.error ?? `The server answered ${request.status}.`;
      resolve(request.status < 300 ? { document: answer.items?.[0] } : { error: String(message) });
    };
    request.onerror = () => resolve({ error: "The connection was lost. Try again." });
    const body = new FormData();
    body.append("files", file);
    request.send(body);
  });
}

function labelOf(file, words) {
  if (file.status === "sending") return Math.round(file.share * 100) + " %";
  return file.status === "known" && file.as !== file.name ? words.known_as + file.as : words[file.status];
}

/**
 * A place to drop files, or to choose them: each goes on its own and shows how far it is. Files that come before the page
 * knows where they go, which `bytesMax` tells, wait for it.
 */
export function FileDrop({ url, accept, bytesMax, words, onTaken }) {
  const isReady = bytesMax > 0;
  const [files, setFiles] = useState([]);
  const [isOver, setOver] = useState(false);
  const input = useRef(null);
  const queue = useRef([]);
  const running = useRef(0);

  const change = (id, values) => setFiles((now) => now.map((file) => (file.id === id ? { ...file, ...values } : file)));
  const next = async () => {
    if (!isReady || running.current >= AT_ONCE || !queue.current.length) return;
    const entry = queue.current.shift();
    if (entry.file.size > bytesMax) {
      change(entry.id, { status: "refused", error: words.too_big });
      return next();
    }
    running.current += 1;
    change(entry.id, { status: "sending" });
    const { error = "", document } = await send(url, entry.file, (share) => change(entry.id, { share }));
    running.current -= 1;
    // The same bytes again are the document that is there already, in whatever stage it is by now.
    const isKnown = document !== undefined && document.status !== NEW;
    change(entry.id, { status: error ? "refused" : isKnown ? "known" : "taken", error, as: document?.name ?? "", share: 1 });
    if (!error) onTaken();
    if (!error && !isKnown) {
      setTimeout(() => setFiles((now) => now.filter((file) => file.id !== entry.id)), 2500);
    }
    next();
  };
  const begin = () => {
    for (let i = 0; i < AT_ONCE; i += 1) next();
  };
  const add = (list) => {
    const added = [...list].map((file) => ({ id: crypto.randomUUID(), file, name: file.name, share: 0, status: "waiting", error: "" }));
    setFiles((now) => [...now, ...added]);
    queue.current.push(...added);
    begin();
  };
  useEffect(begin, [isReady]);
  const drop = (event) => {
    event.preventDefault();
    setOver(false);
    if (event.dataTransfer.files.length) add(event.dataTransfer.files);
  };
  const remove = (id) => setFiles((now) => now.filter((file) => file.id !== id));
  return (
    <div>
      <div onDragOver={(event) => { event.preventDefault(); setOver(true); }} onDragLeave={() => setOver(false)} onDrop={drop}
        className={"flex flex-col items-center rounded-xl border border-dashed px-4 py-7 text-center transition-colors duration-100 " +
          (isOver ? "border-accent bg-accent-soft" : "border-line-strong bg-surface")}>
        <p className="font-medium">{words.drop}</p>
        <p className="mt-0.5 text-sm text-muted">{words.limits}</p>
        <button type="button" data-key="n" onClick={() => input.current.click()}
          className="mt-3 h-9 rounded-lg border border-line-strong bg-surface px-3.5 text-sm font-medium hover:bg-sunken active:translate-y-px">
          {words.choose}
        </button>
        <input ref={input} type="file" multiple hidden accept={accept} aria-label={words.choose}
          onChange={(event) => { add(event.target.files); event.target.value = ""; }} />
      </div>
      <ul aria-live="polite" className="mt-2 flex flex-col gap-1.5 empty:hidden">
        {files.map((file) => (
          <li key={file.id} className="relative flex items-center gap-2.5 overflow-hidden rounded-lg border border-line bg-surface px-3 py-2 text-sm">
            <span aria-hidden="true" className={COLORS[file.status]}>{ICONS[file.status]}</span>
            <span className="min-w-0 flex-1">
              <span className="block truncate">{file.name}</span>
              {file.error ? <span className="block text-xs text-bad">{file.error}</span> : null}
            </span>
            <span className="shrink-0 text-xs text-muted tabular-nums">
              {labelOf(file, words)}
            </span>
            {file.status === "refused" || file.status === "known" ? (
              <button type="button" onClick={() => remove(file.id)} aria-label={words.close + " " + file.name} className="size-6 shrink-0 rounded hover:bg-sunken">✕</button>
            ) : null}
            <span aria-hidden="true" className="absolute inset-x-0 bottom-0 h-0.5 origin-left bg-accent transition-transform" style={{ transform: `scaleX(${file.status === "sending" ? file.share : 0})` }} />
          </li>
        ))}
      </ul>
    </div>
  );
}
