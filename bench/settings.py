"""The portal's settings, with a bare view to hold pages against."""

from portal.settings import *  # noqa: F403

ROOT_URLCONF = "bench.urls"
