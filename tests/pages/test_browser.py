"""What a window of the tests takes for an error."""

from playwright.sync_api import Browser

from support.browser import open_window

UNAVAILABLE = "Failed to load resource: the server responded with a status of 503 (Service Unavailable)"


def test_a_window_forgives_each_address_one_503_and_no_second(browser: Browser):
    opened = open_window(browser, "https://wabao.invalid")
    opened.page.route("**", lambda route: route.fulfill(status=200, body=""))
    opened.page.route("**/busy*", lambda route: route.fulfill(status=503))
    opened.go("/")
    for path, wrong in (("/busy1", []), ("/busy2", []), ("/busy1", [UNAVAILABLE])):
        with opened.page.expect_console_message():
            opened.page.evaluate("path => fetch(path, {cache: 'no-store'})", path)
        assert opened.wrong == wrong
    opened.close()
