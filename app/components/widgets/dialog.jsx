import { useEffect, useRef } from "react";

/** The browser's own modal dialog: it traps focus, closes on Escape, and gives focus back. */
export function Dialog({ open, onClose, label, className, children }) {
  const dialog = useRef(null);
  useEffect(() => {
    const element = dialog.current;
    if (open && !element.open) element.showModal();
    if (!open && element.open) element.close();
  }, [open]);
  const cancel = (event) => { event.preventDefault(); onClose(); };
  const clickOutside = (event) => event.target === dialog.current && onClose();
  return (
    <dialog ref={dialog} aria-label={label} className={className} onCancel={cancel} onClick={clickOutside}>
      {open ? children : null}
    </dialog>
  );
}
