/** A key is exchanged for a session: it goes to the executor once and is kept nowhere here. */
import { useState } from "preact/hooks";
import { ApiError } from "../api/client";
import { useAction } from "../api/data";
import type { Session } from "../api/types";
import { Button, ErrorBox, Field } from "../parts/pieces";
import { LANGUAGES, currentLanguage, t, type Language, type TextKey } from "../texts";
import { signIn } from "./session";

interface SignInProps {
  error?: ApiError;
  onSignedIn: (session: Session) => void;
  onLanguage: (language: Language) => void;
}

/** Why nobody is signed in, in words for who sits here: the executor's are for a program. */
function Refused({ error }: { error: ApiError }) {
  const key = REFUSED[error.code];
  return key === undefined ? <ErrorBox error={error} /> : <p class="error-box" role="alert">{t(key)}</p>;
}

const REFUSED: Partial<Record<string, TextKey>> = { LINK_USED: "link_used", SESSION_ENDED: "session_ended", UNAUTHORIZED: "key_wrong" };

export function SignIn({ error, onSignedIn, onLanguage }: SignInProps) {
  const [key, setKey] = useState("");
  const enter = useAction(async () => {
    const session = await signIn(key.trim());
    setKey("");
    onSignedIn(session);
  });
  const shown = enter.error ?? error;
  return (
    <main class="sign-in">
      <h1>arcrun</h1>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void enter.run();
        }}
      >
        <Field label={t("api_key")} hint={t("api_key_hint")}>
          {(id) => <input id={id} type="password" autocomplete="off" required value={key} onInput={(event) => setKey(event.currentTarget.value)} />}
        </Field>
        {shown && <Refused error={shown} />}
        <Button kind="main" type="submit" busy={enter.isBusy} disabled={key.trim() === ""}>
          {t("sign_in")}
        </Button>
      </form>
      <p class="faint">
        {t("or_open")} <code>acr open</code>
      </p>
      <div class="choices-line">
        {Object.entries(LANGUAGES).map(([language, name]) => (
          <Button key={language} kind="quiet" pressed={language === currentLanguage()} onClick={() => onLanguage(language as Language)}>
            {name}
          </Button>
        ))}
      </div>
    </main>
  );
}
