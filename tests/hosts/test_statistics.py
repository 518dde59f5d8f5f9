from tests.web.test_statistics import *  # noqa: F403
