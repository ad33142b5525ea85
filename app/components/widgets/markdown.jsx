import { memo } from "react";
import Markdown from "react-markdown";
import gfm from "remark-gfm";

const PLUGINS = [gfm];
const OUTSIDE = { target: "_blank", rel: "noopener noreferrer nofollow" };

/** Text that a model wrote: nothing in it is run or fetched; a remote image would tell its server who reads what. */
const COMPONENTS = {
  a: ({ href, children }) => <a href={href} {...OUTSIDE}>{children}</a>,
  img: ({ src, alt }) => <a href={src} {...OUTSIDE}>{alt || "image"}</a>,
  h1: ({ children }) => <h3>{children}</h3>,
  h2: ({ children }) => <h3>{children}</h3>,
};

export default memo(function Rendered({ text, components }) {
  return <Markdown remarkPlugins={PLUGINS} components={components ? { ...COMPONENTS, ...components } : COMPONENTS}>{text}</Markdown>;
});
