/** What a view cannot draw is told in its place; the menu, and all other views, go on. */
import { Component, type ComponentChildren } from "preact";
import { Button } from "../parts/pieces";
import { t } from "../texts";

interface BoundaryProps {
  /** The address: with another one it is tried anew. */
  at: string;
  children: ComponentChildren;
}

export class Boundary extends Component<BoundaryProps, { fault?: unknown }> {
  override state: { fault?: unknown } = {};

  override componentDidCatch(fault: unknown) {
    this.setState({ fault });
  }

  override componentDidUpdate(before: BoundaryProps) {
    if (before.at !== this.props.at && this.state.fault !== undefined) this.setState({ fault: undefined });
  }

  override render() {
    const { fault } = this.state;
    if (fault === undefined) return this.props.children;
    return (
      <div class="error-box" role="alert">
        <p>
          <strong>{t("view_failed")}</strong> <code class="faint">{String(fault).slice(0, 300)}</code>
        </p>
        <p>{t("view_failed_next")}</p>
        <Button onClick={() => this.setState({ fault: undefined })}>{t("try_again")}</Button>
      </div>
    );
  }
}
