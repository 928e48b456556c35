"""`python -m tests.support.hasty_gateway gateway`: a gateway that gives a job no time beyond its own to end."""

from gateway import main
from gateway.jobs import service

if __name__ == "__main__":
    service.WAIT_MARGIN_S = 0
    main.main()
