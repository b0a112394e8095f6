/** What a view cannot draw is told in its place; the menu, and all other views, go on. */
import { Component, type ComponentChildren } from "preact";
import { forget } from "../api/data";
import { Button, Page } from "../parts/pieces";
import { t } from "../texts";

interface BoundaryProps {
  /** The address: with another one it is tried anew. */
  at: string;
  children: ComponentChildren;
}

export class Boundary extends Component<BoundaryProps, { fault?: unknown }> {
  override state: { fault?: unknown } = {};

  override componentDidCatch(fault: unknown) {
    forget(); // what was loaded may be why
    this.setState({ fault });
  }

  override componentDidUpdate(before: BoundaryProps) {
    if (before.at !== this.props.at && this.state.fault !== undefined) this.setState({ fault: undefined });
  }

  override render() {
    const { fault } = this.state;
    if (fault === undefined) return this.props.children;
    return (
      <Page title={t("view_failed")}>
        <div class="error-box" role="alert">
          <p>
            <code>{String(fault).slice(0, 300)}</code>
          </p>
          <p>{t("view_failed_next")}</p>
          <Button onClick={() => this.setState({ fault: undefined })}>{t("try_again")}</Button>
        </div>
      </Page>
    );
  }
}
