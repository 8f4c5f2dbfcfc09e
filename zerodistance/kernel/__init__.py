"""What every room stands on, without a business word: settings, errors, clock, ids, text, access, stores, bus, jobs."""
