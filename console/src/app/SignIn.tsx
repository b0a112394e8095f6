/** A key is exchanged for a session: it goes to the executor once and is kept nowhere here. */
import { useState } from "preact/hooks";
import { ApiError } from "../api/client";
import { useAction } from "../api/data";
import type { Session } from "../api/types";
import { Button, ErrorBox, Field } from "../parts/pieces";
import { LANGUAGES, currentLanguage, t, type Language } from "../texts";
import { signIn } from "./session";

interface SignInProps {
  error?: ApiError;
  onSignedIn: (session: Session) => void;
  onLanguage: (language: Language) => void;
}

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
        {shown && (shown.status === 401 ? <p class="error-box" role="alert">{error && !enter.error ? t("link_used") : t("key_wrong")}</p> : <ErrorBox error={shown} />)}
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
