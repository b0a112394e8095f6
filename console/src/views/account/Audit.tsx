/** Who has changed what, the newest first. */
import { useState } from "preact/hooks";
import { get, queryOf } from "../../api/client";
import { useData } from "../../api/data";
import { Button, Empty, Page, Shown } from "../../parts/pieces";
import { Moment } from "../../parts/time";
import { t } from "../../texts";

interface Line {
  id: number;
  at: string;
  action: string;
  subject: string;
  key_id: string | null;
  address: string | null;
  detail: string | null;
  /** `console` of what was done here. */
  via?: string | null;
}

interface Listed {
  lines: Line[];
  cursor: string | null;
}

export function Audit() {
  const [older, setOlder] = useState<Listed | undefined>();
  const loaded = useData<Listed>("/audit", () => get("/audit?limit=100"));
  const cursor = older ? older.cursor : loaded.data?.cursor;
  const readOn = async () => {
    const next = await get<Listed>(`/audit${queryOf({ limit: 100, cursor: cursor ?? undefined })}`);
    setOlder((before) => ({ lines: [...(before?.lines ?? []), ...next.lines], cursor: next.cursor }));
  };
  return (
    <Page title={t("audit")}>
      <Shown of={loaded}>
        {({ lines }) =>
          lines.length === 0 ? (
            <Empty title={t("no_audit")} />
          ) : (
            <div class="table-frame" tabIndex={0}>
              <table>
                <thead>
                  <tr>
                    <th scope="col">{t("when")}</th>
                    <th scope="col">{t("what")}</th>
                    <th scope="col">{t("subject")}</th>
                    <th scope="col">{t("detail")}</th>
                    <th scope="col">{t("who")}</th>
                  </tr>
                </thead>
                <tbody>
                  {[...lines, ...(older?.lines ?? [])].map((line) => (
                    <tr key={line.id}>
                      <td>
                        <Moment at={line.at} />
                      </td>
                      <td>
                        <code>{line.action}</code>
                      </td>
                      <td>{line.subject}</td>
                      <td>{line.detail}</td>
                      <td class="faint">{[line.via, line.key_id, line.address].filter(Boolean).join(" · ")}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )
        }
      </Shown>
      {cursor && (
        <div class="more">
          <Button onClick={() => void readOn()}>{t("older")}</Button>
        </div>
      )}
    </Page>
  );
}
