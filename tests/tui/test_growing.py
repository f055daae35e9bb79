from __future__ import annotations

from typing import cast

from textual.app import App, ComposeResult
from textual.screen import Screen

from motrix_tui.shell.growing import Growing


class One(App[None]):
    def compose(self) -> ComposeResult:
        yield Growing("", markup=False)


async def test_a_text_that_grows_again_while_it_waits_to_be_laid_out_has_all_its_lines() -> None:
    async with One().run_test() as pilot:
        text = pilot.app.query_one(Growing)
        text.update("one")
        # As a resize or another part may do at any time.
        cast(Screen[None], pilot.app.screen)._refresh_layout()
        text.update("one\ntwo")
        await pilot.pause()
        assert text.size.height == 2
