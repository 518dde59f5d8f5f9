from tests.web.test_albums import *  # noqa: F403
