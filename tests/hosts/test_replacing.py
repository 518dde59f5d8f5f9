from tests.web.test_replacing import *  # noqa: F403
