"""acr completion: the shell's completion script."""

import click
from click.shell_completion import BashComplete, get_completion_class

from acr.output.terminal import say_lines


class _Bash(BashComplete):
    """click's script, except that a name with spaces stays one word, and that readline treats files as such: it quotes
    their names, and adds no space after a folder's.
    """

    source_template = """\
%(complete_func)s() {
    local IFS=$'\\n'
    local response completion type value

    response=$(env COMP_WORDS="${COMP_WORDS[*]}" COMP_CWORD=$COMP_CWORD %(complete_var)s=bash_complete $1)

    while IFS=, read -r type value; do
        if [[ $type == dir ]]; then
            COMPREPLY=()
            compopt -o dirnames
        elif [[ $type == file ]]; then
            COMPREPLY=()
            compopt -o default
        elif [[ $type == plain ]]; then
            COMPREPLY+=("$value")
            [[ -e $value ]] && compopt -o filenames
        fi
    done <<< "$response"

    return 0
}

complete -o nosort -F %(complete_func)s %(prog_name)s
"""


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
    script = _Bash if shell == "bash" else get_completion_class(shell)
    assert script is not None
    say_lines(script(context.find_root().command, {}, "acr", "_ACR_COMPLETE").source())
