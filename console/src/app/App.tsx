/** The frame: who is signed in, where one is, and the view of the address. */
import { useEffect, useState } from "preact/hooks";
import { ApiError, onSignedOut } from "../api/client";
import { forget } from "../api/data";
import type { Session } from "../api/types";
import { dropDrafts, listDrafts, ownDrafts } from "../editor/useEditor";
import { Confirm, Toasts } from "../parts/pieces";
import { LANGUAGES, chooseLanguage, currentLanguage, t, type Language } from "../texts";
import { Audit } from "../views/account/Audit";
import { Credentials } from "../views/account/Credentials";
import { Health } from "../views/account/Health";
import { Keys } from "../views/account/Keys";
import { Schedules } from "../views/account/Schedules";
import { Stores } from "../views/account/Stores";
import { ComponentList } from "../views/components/ComponentList";
import { ComponentView } from "../views/components/ComponentView";
import { Compare } from "../views/runs/Compare";
import { RunList } from "../views/runs/RunList";
import { RunView } from "../views/runs/RunView";
import { forgetInputs } from "../views/workflows/TryDialog";
import { NewWorkflow } from "../views/workflows/NewWorkflow";
import { WorkflowList } from "../views/workflows/WorkflowList";
import { WorkflowView } from "../views/workflows/WorkflowView";
import { Boundary } from "./Boundary";
import { NotFound } from "./NotFound";
import { Icon } from "./icons";
import { Palette } from "./Palette";
import { SignIn } from "./SignIn";
import { Shortcuts, useShortcuts } from "./shortcuts";
import { SessionContext, asEnded, findSession, onOtherSession, signInByLink, signOut, takeLink } from "./session";
import { useInteractiveMark } from "./measures";
import { linkTo, useRoute, type Route } from "./router";
import { chooseTheme, currentTheme, type Theme } from "./theme";

type Who = { session?: Session; error?: ApiError; isKnown: boolean };

export function App() {
  const [who, setWho] = useState<Who>({ isKnown: false });
  const [, setLanguage] = useState(currentLanguage());
  const begun = (session: Session | undefined) => {
    if (session) ownDrafts(session.key_id);
    setWho({ session, isKnown: true });
  };
  useEffect(() => {
    const link = takeLink();
    const begin = link === undefined ? findSession() : signInByLink(link);
    begin.then(
      (session) => begun(session),
      (error: ApiError) => setWho({ isKnown: true, error }),
    );
    const leave = (error: ApiError) => {
      forget();
      setWho({ isKnown: true, error: asEnded(error) });
    };
    const ended = onSignedOut(leave);
    const changed = onOtherSession((session) => setWho({ session, isKnown: true }), leave);
    return () => {
      ended();
      changed();
    };
  }, []);
  const choose = (language: Language) => {
    chooseLanguage(language);
    setLanguage(language);
  };
  if (!who.isKnown) return null;
  if (!who.session) return <SignIn error={who.error} onSignedIn={begun} onLanguage={choose} />;
  return (
    <SessionContext.Provider value={who.session}>
      <Frame key={currentLanguage()} session={who.session} onLanguage={choose} onSignedOut={() => setWho({ isKnown: true })} />
    </SessionContext.Provider>
  );
}

const MENU = ["workflows", "runs", "components", "credentials", "schedules", "stores", "audit", "keys", "health"] as const;

function Frame({ session, onLanguage, onSignedOut }: { session: Session; onLanguage: (language: Language) => void; onSignedOut: () => void }) {
  const route = useRoute();
  const [isPalette, setPalette] = useState(false);
  const [isHelp, setHelp] = useState(false);
  const [isMenu, setMenu] = useState(false);
  useShortcuts({ onPalette: () => setPalette(true), onHelp: () => setHelp(true) });
  const at = route.path[0] ?? "workflows";
  const key = route.path.slice(0, 2).join("/");
  useInteractiveMark();
  useEffect(() => {
    setMenu(false);
    window.scrollTo(0, 0);
    document.title = `${t(MENU.find((name) => name === at) ?? "workflows")} · arcrun`;
  }, [key]);
  const [isLeaving, setLeaving] = useState(false);
  const leave = async () => {
    dropDrafts();
    forgetInputs();
    await signOut().catch(() => {});
    onSignedOut();
  };
  return (
    <div class="frame">
      <a class="skip" href="#main" onClick={(event) => (event.preventDefault(), document.getElementById("main")?.focus())}>
        {t("skip")}
      </a>
      <aside class={isMenu ? "side is-open" : "side"}>
        <div class="brand">
          <a href={linkTo(["workflows"])}>arcrun</a>
          <button type="button" class="menu-toggle button is-quiet" aria-expanded={isMenu} aria-controls="menu" onClick={() => setMenu(!isMenu)}>
            ☰ <span class="visually-hidden">{t("menu")}</span>
          </button>
        </div>
        <nav id="menu" aria-label={t("menu")}>
          {MENU.map((name) => (
            <a key={name} href={linkTo([name])} aria-current={at === name || (name === "workflows" && at === "new") ? "page" : undefined}>
              <Icon name={name} /> {t(name)}
            </a>
          ))}
        </nav>
        <div class="side-foot">
          <button type="button" class="button is-quiet" onClick={() => setPalette(true)}>
            {t("search_all")} <kbd>Ctrl K</kbd>
          </button>
          <Choices onLanguage={onLanguage} />
          <p class="faint">
            {session.platform?.name ?? location.host} · {session.read_only ? t("read_only") : session.can}
          </p>
          <button type="button" class="button is-quiet" onClick={() => (listDrafts().length > 0 ? setLeaving(true) : void leave())}>
            {t("sign_out")}
          </button>
        </div>
      </aside>
      <main id="main" tabIndex={-1}>
        <Boundary at={route.path.join("/")}>
          <View key={key} route={route} />
        </Boundary>
      </main>
      <Toasts />
      {isLeaving && (
        <Confirm
          title={t("sign_out")}
          text={t("sign_out_text", { names: listDrafts().join(", ") })}
          action={t("sign_out")}
          onConfirm={() => leave().then(() => true)}
          onClose={() => setLeaving(false)}
        />
      )}
      {isPalette && <Palette onClose={() => setPalette(false)} />}
      {isHelp && <Shortcuts onClose={() => setHelp(false)} />}
    </div>
  );
}

function Choices({ onLanguage }: { onLanguage: (language: Language) => void }) {
  const [theme, setTheme] = useState<Theme>(currentTheme());
  return (
    <div class="choices-line">
      <select aria-label={t("language")} value={currentLanguage()} onChange={(event) => onLanguage(event.currentTarget.value as Language)}>
        {Object.entries(LANGUAGES).map(([language, name]) => (
          <option key={language} value={language}>
            {name}
          </option>
        ))}
      </select>
      <select
        aria-label={t("theme")}
        value={theme}
        onChange={(event) => {
          const chosen = event.currentTarget.value as Theme;
          chooseTheme(chosen);
          setTheme(chosen);
        }}
      >
        <option value="auto">{t("theme_auto")}</option>
        <option value="light">{t("theme_light")}</option>
        <option value="dark">{t("theme_dark")}</option>
      </select>
    </div>
  );
}

function View({ route }: { route: Route }) {
  const [first = "workflows", second, third] = route.path;
  if (first === "workflows") return second ? <WorkflowView key={second} route={route} /> : <WorkflowList />;
  if (first === "new") return <NewWorkflow />;
  if (first === "runs" && second) return third === "compare" ? <Compare route={route} /> : <RunView key={second} route={route} />;
  if (first === "runs") return <RunList route={route} />;
  if (first === "components") return second ? <ComponentView id={second} /> : <ComponentList />;
  if (first === "credentials") return <Credentials />;
  if (first === "schedules") return <Schedules />;
  if (first === "stores") return <Stores route={route} />;
  if (first === "audit") return <Audit />;
  if (first === "keys") return <Keys />;
  if (first === "health") return <Health />;
  return <NotFound />;
}

