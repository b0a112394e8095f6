/** The small pieces that views are made of. */
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { ApiError, OFFLINE } from "../api/client";
import type { Loaded } from "../api/data";
import { t, wordOf } from "../texts";

type Children = { children?: ComponentChildren };

export function Page({ title, actions, children }: Children & { title: ComponentChildren; actions?: ComponentChildren }) {
  return (
    <div class="page">
      <header class="page-head">
        <h1>{title}</h1>
        {actions !== undefined && <div class="actions">{actions}</div>}
      </header>
      {children}
    </div>
  );
}

const MARKS: Record<string, string> = {
  success: "✓",
  failed: "✕",
  lost: "✕",
  running: "●",
  waiting: "◔",
  queued: "◌",
  cancelled: "⊘",
  skipped: "–",
  needs_decision: "?",
  warns: "!",
};

/** What a status is shown as: a mark, a colour and a word, so that no colour says it alone. */
export function Status({ of, bare = false }: { of: string; bare?: boolean }) {
  const word = wordOf("status", of);
  return (
    <span class={`status is-${of}`} title={bare ? word : undefined}>
      <span class="mark" aria-hidden={!bare} role={bare ? "img" : undefined} aria-label={bare ? word : undefined}>
        {MARKS[of] ?? "•"}
      </span>
      {!bare && ` ${word}`}
    </span>
  );
}

export const markOf = (status: string): string => MARKS[status] ?? "•";

export function Empty({ title, children }: Children & { title: string }) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {children}
    </div>
  );
}

/** An error with what to do next. */
export function ErrorBox({ error, retry }: { error: ApiError; retry?: () => void }) {
  const isOffline = error.code === OFFLINE;
  return (
    <div class="error-box" role="alert">
      <p>
        <strong>{isOffline ? t("offline") : error.problem.message}</strong>{" "}
        {!isOffline && <code class="faint">{error.code}</code>}
      </p>
      {isOffline && <p>{t("offline_next")}</p>}
      {error.problem.next_actions.length > 0 && (
        <ul>
          {error.problem.next_actions.map((action) => (
            <li key={action}>{action}</li>
          ))}
        </ul>
      )}
      {retry && <Button onClick={retry}>{t("try_again")}</Button>}
    </div>
  );
}

/** The data of a view once it is there; before, a line that says so; instead, the error. */
export function Shown<T>({ of, children }: { of: Loaded<T>; children: (data: T) => ComponentChildren }) {
  return (
    <>
      {of.error && <ErrorBox error={of.error} retry={() => void of.reload()} />}
      {of.data !== undefined ? children(of.data) : !of.error && <Loading />}
    </>
  );
}

export function Loading() {
  return (
    <p class="faint loading" role="status">
      {t("loading")}
    </p>
  );
}

interface ButtonProps extends Children {
  onClick?: (event: MouseEvent) => void;
  kind?: "main" | "plain" | "danger" | "quiet";
  disabled?: boolean;
  busy?: boolean;
  title?: string;
  type?: "button" | "submit";
  pressed?: boolean;
  label?: string;
}

export function Button({ kind = "plain", type = "button", busy, disabled, pressed, label, children, ...rest }: ButtonProps) {
  return (
    <button
      {...rest}
      type={type}
      class={`button is-${kind}`}
      disabled={disabled || busy}
      aria-busy={busy}
      aria-pressed={pressed}
      aria-label={label}
    >
      {children}
    </button>
  );
}

export function LinkButton({ href, kind = "plain", children }: Children & { href: string; kind?: string }) {
  return (
    <a class={`button is-${kind}`} href={href}>
      {children}
    </a>
  );
}

export function Field({ label, hint, children }: { label: string; hint?: string; children: (id: string) => ComponentChildren }) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children(id)}
      {hint && <p class="faint hint">{hint}</p>}
    </div>
  );
}

export function Tabs({ tabs, current }: { tabs: { id: string; title: string; href: string }[]; current: string }) {
  return (
    <nav class="tabs" aria-label={t("sections")}>
      {tabs.map(({ id, title, href }) => (
        <a key={id} href={href} aria-current={id === current ? "page" : undefined}>
          {title}
        </a>
      ))}
    </nav>
  );
}

/** A modal dialog, closed by Escape, by its button or by a click beside it. */
export function Dialog({ title, onClose, wide = false, children }: Children & { title: string; onClose: () => void; wide?: boolean }) {
  const element = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const dialog = element.current!;
    const before = document.activeElement as HTMLElement | null;
    dialog.showModal();
    return () => {
      dialog.close();
      before?.focus?.();
    };
  }, []);
  return (
    <dialog
      ref={element}
      class={wide ? "is-wide" : undefined}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onClick={(event) => event.target === element.current && onClose()}
    >
      <div class="dialog-body">
        <header>
          <h2 id={id}>{title}</h2>
          <Button kind="quiet" label={t("close")} onClick={onClose}>
            ✕
          </Button>
        </header>
        {children}
      </div>
    </dialog>
  );
}

/** Asks before it does something that cannot be undone. */
export function Confirm(props: { title: string; text: string; action: string; onClose: () => void; onConfirm: () => Promise<boolean>; error?: ApiError }) {
  const [isBusy, setBusy] = useState(false);
  const confirm = async () => {
    setBusy(true);
    const isDone = await props.onConfirm();
    setBusy(false);
    if (isDone) props.onClose();
  };
  return (
    <Dialog title={props.title} onClose={props.onClose}>
      <p>{props.text}</p>
      {props.error && <ErrorBox error={props.error} />}
      <div class="actions is-end">
        <Button onClick={props.onClose}>{t("cancel")}</Button>
        <Button kind="danger" busy={isBusy} onClick={() => void confirm()}>
          {props.action}
        </Button>
      </div>
    </Dialog>
  );
}

export function Copy({ text, children, title }: Children & { text: string; title?: string }) {
  const [isDone, setDone] = useState(false);
  const copy = async () => {
    await copyText(text);
    setDone(true);
    window.setTimeout(() => setDone(false), 1_500);
  };
  return (
    <Button kind="quiet" title={title ?? t("copy")} onClick={() => void copy()}>
      {isDone ? t("copied") : (children ?? t("copy"))}
    </Button>
  );
}

/** Also where the page may not use the clipboard's interface. */
export async function copyText(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
}

/** A text as it is, cut where it is huge, with a button for the rest. */
export function Text({ text, lines = true }: { text: string; lines?: boolean }) {
  const [isWhole, setWhole] = useState(false);
  const MOST = 4_000;
  const shown = isWhole || text.length <= MOST ? text : `${text.slice(0, MOST)}…`;
  return (
    <div class={lines ? "text-block" : undefined}>
      {lines ? <pre tabIndex={0}>{shown}</pre> : <span>{shown}</span>}
      {shown !== text && <Button onClick={() => setWhole(true)}>{t("show_all", { count: text.length })}</Button>}
    </div>
  );
}

/** One of a list of facts, `<dl class="facts">`. */
export function Fact({ title, children }: Children & { title: string }) {
  return (
    <div>
      <dt>{title}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** A message that goes by itself, told to screen readers too. */
const toastListeners = new Set<(text: string) => void>();
export const toast = (text: string): void => toastListeners.forEach((tell) => tell(text));

export function Toasts() {
  const [shown, setShown] = useState<{ id: number; text: string }[]>([]);
  useEffect(() => {
    let last = 0;
    const tell = (text: string) => {
      const id = ++last;
      setShown((before) => [...before.slice(-2), { id, text }]);
      window.setTimeout(() => setShown((before) => before.filter((each) => each.id !== id)), 5_000);
    };
    toastListeners.add(tell);
    return () => void toastListeners.delete(tell);
  }, []);
  return (
    <div class="toasts" role="status" aria-live="polite">
      {shown.map(({ id, text }) => (
        <p key={id}>{text}</p>
      ))}
    </div>
  );
}
