from tests.web.test_api import *  # noqa: F403
