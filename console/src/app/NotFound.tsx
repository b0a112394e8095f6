import { Empty, Page } from "../parts/pieces";
import { t } from "../texts";
import { linkTo } from "./router";

export function NotFound() {
  return (
    <Page title={t("not_found")}>
      <Empty title={t("not_found_text")}>
        <a href={linkTo(["workflows"])}>{t("workflows")}</a>
      </Empty>
    </Page>
  );
}
