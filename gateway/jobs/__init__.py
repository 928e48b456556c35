"""Jobs as their callers see them: submitted, waited for, read, listed and cancelled."""
