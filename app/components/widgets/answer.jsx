import { memo, useMemo } from "react";
import Markdown from "./markdown.jsx";
import { useRunFeed } from "./run_feed.js";

const CARET = "[&>:last-child:not(ul,ol,pre)]:after:ms-0.5 [&>:last-child:not(ul,ol,pre)]:after:inline-block [&>:last-child:not(ul,ol,pre)]:after:h-4 "
  + "[&>:last-child:not(ul,ol,pre)]:after:w-2 [&>:last-child:not(ul,ol,pre)]:after:translate-y-0.5 [&>:last-child:not(ul,ol,pre)]:after:rounded-xs "
  + "[&>:last-child:not(ul,ol,pre)]:after:bg-accent [&>:last-child:not(ul,ol,pre)]:after:content-['']";
const FENCE = /^(```|~~~)/;

/** Cut a growing text at blank lines outside code, so that only its last block is rendered again. */
function toBlocks(text) {
  const blocks = [];
  let block = [];
  let isCode = false;
  for (const line of text.split("\n")) {
    if (FENCE.test(line)) isCode = !isCode;
    if (line === "" && !isCode && block.length) {
      blocks.push(block.join("\n"));
      block = [];
    } else block.push(line);
  }
  if (block.length) blocks.push(block.join("\n"));
  return blocks;
}

const isInCode = (text) => (text.match(/```/g)?.length ?? 0) % 2 === 1;

/** Put the marks of its sources behind each sentence, as links that become chips. */
function withMarks({ answer, sentences = [] }) {
  let marked = "";
  let at = 0;
  for (const sentence of sentences) {
    const text = sentence.text.trim();
    const { citations } = sentence;
    const found = answer.indexOf(text, at);
    if (found < 0) continue;
    const end = found + text.length;
    marked += answer.slice(at, end);
    at = end;
    if (isInCode(marked)) continue;
    marked += text.endsWith("|") ? "\n\n" : " "; // not into a cell of its table
    marked += citations.length ? citations.map((n) => `[${n}](#source-${n})`).join("") : "[no source](#no-source)";
  }
  return marked + answer.slice(at);
}

const Block = memo(function Block({ text, components }) {
  return <Markdown text={text} components={components} />;
});

function Streaming({ text }) {
  const blocks = toBlocks(text);
  return (
    <div className={`prose break-words ${CARET}`} data-testid="answer-text" aria-busy="true">
      {blocks.map((block, index) => <Block key={index} text={block} />)}
    </div>
  );
}

function Finished({ output, onCite }) {
  const components = useMemo(() => {
    const sources = new Map((output.citations ?? []).map((citation) => [`#source-${citation.n}`, citation]));
    return {
      a: ({ href, children }) => {
        const source = sources.get(href);
        if (source) {
          const place = source.page ? `, page ${source.page}` : "";
          return (
            <button type="button" onClick={() => onCite?.(source.chunk_id, source.n)} title={`${source.document_name}${place}`} data-source={source.n}
              className="mx-0.5 inline-flex h-6 min-w-6 items-center justify-center rounded-md bg-accent-soft px-1.5 align-baseline text-xs font-medium text-accent hover:bg-accent hover:text-accent-ink">
              [{source.n}]
            </button>
          );
        }
        if (href === "#no-source") {
          return <span title="No passage of your documents supports this sentence." className="mx-0.5 rounded-md border border-dashed border-warn/60 px-1 text-xs whitespace-nowrap text-warn">{children}</span>;
        }
        return href?.startsWith("#") ? children : <a href={href} target="_blank" rel="noopener noreferrer nofollow">{children}</a>;
      },
    };
  }, [output, onCite]);
  return (
    <div className="prose break-words" data-testid="answer-text">
      <Markdown text={withMarks(output)} components={components} />
    </div>
  );
}

/** The answer of a run: as it grows, then with its sources. `output` is what the server has; the feed may be ahead of it. */
export function Answer({ runId, output, onCite }) {
  const feed = useRunFeed(runId);
  const given = feed?.output ?? output;
  // A sentence without a source is remarkable only where there were passages to support it.
  const isGrounded = feed?.hasPassages || given?.citations?.length > 0;
  const done = useMemo(() => (given && !isGrounded ? { ...given, sentences: [] } : given), [given, isGrounded]);
  if (done?.answer) return <Finished output={done} onCite={onCite} />;
  if (feed?.answer.text) return feed.meter.endedTs ? <Finished output={{ answer: feed.answer.text }} /> : <Streaming text={feed.answer.text} />;
  return null;
}
