from tests.web.test_library import *  # noqa: F403
