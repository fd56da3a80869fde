"""`mesh serve` with certificates that end after seconds: python -m …short_lived SECONDS ARGUMENT…"""

import sys
from datetime import timedelta
from functools import partial
from unittest.mock import patch

from localmesh import supervisor
from localmesh.__main__ import main
from localmesh.home import Home
from localmesh.identity.certificates import Certificates

if __name__ == "__main__":
    seconds, *arguments = sys.argv[1:]
    Home.default().create()
    with patch.object(supervisor, "Certificates", partial(Certificates, lifetime=timedelta(seconds=int(seconds)))):
        sys.exit(main(["serve", *arguments]))
