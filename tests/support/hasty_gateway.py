"""`python -m tests.support.hasty_gateway gateway`: a gateway that gives a job no time beyond its own to end."""

from gateway import jobs, main

if __name__ == "__main__":
    jobs.WAIT_MARGIN_S = 0
    main.main()
