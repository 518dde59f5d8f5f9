from tests.web.test_duplicates import *  # noqa: F403
