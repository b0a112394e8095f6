"""acr docs: the documentation of this version, in a browser."""

import webbrowser

import click

from acr.commands.options import as_json
from acr.config.platform_home import find_platform_home
from acr.docs.pages import FIRST_PAGE, Documentation
from acr.docs.site import render_site
from acr.output.render import print_data
from acr.output.terminal import say


@click.command()
@click.argument("page", metavar="[PAGE]", default=FIRST_PAGE)
@click.option("--browser/--no-browser", default=True, help="Whether to open a browser, or only print the address.")
@as_json
def docs(page: str, browser: bool, as_json: bool) -> None:
    """Open the documentation of this version in a browser.

    The pages are files on this machine: no network is needed. PAGE is a page's name or a part of it, or PAGE#HEADING;
    without it the first page is opened. Prints the address.

    \b
    Examples:
      acr docs
      acr docs tutorial
      acr docs components/string_ops
      acr docs limits --no-browser
    """
    documentation = Documentation(find_platform_home())
    name, mark, heading = page.partition("#")
    found = documentation.find_page(name)
    url = f"{(render_site(documentation) / f'{found}.html').as_uri()}{mark}{heading}"
    print_data({"page": found, "url": url}) if as_json else say(url)
    if browser and not webbrowser.open(url):
        say("No browser could be opened. Next: open the address above yourself", err=True)
