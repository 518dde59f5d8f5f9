from tests.web.test_pages import *  # noqa: F403
