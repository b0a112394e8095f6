"""acr completion: the shell's completion script."""

import click
from click.shell_completion import get_completion_class

from acr.output.terminal import say_lines


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the completion script for your shell.

    \b
    Examples:
      eval "$(acr completion bash)"                                   in ~/.bashrc
      eval "$(acr completion zsh)"                                    in ~/.zshrc
      acr completion fish > ~/.config/fish/completions/acr.fish
    """
    script = get_completion_class(shell)
    assert script is not None
    say_lines(script(context.find_root().command, {}, "acr", "_ACR_COMPLETE").source())
