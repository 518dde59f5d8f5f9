from tests.web.test_tus import *  # noqa: F403
