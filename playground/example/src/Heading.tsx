// The heading of a pane. It gets the focus, so that the keyboard and a screen reader go on there; and a way back.

import { useEffect, useRef } from "react";

export function Heading({ text, onClose }: { text: string; onClose: () => void }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current!.focus(), []);
  return (
    <header>
      <h2 ref={heading} tabIndex={-1}>
        {text}
      </h2>
      <button type="button" onClick={onClose}>
        Close
      </button>
    </header>
  );
}
