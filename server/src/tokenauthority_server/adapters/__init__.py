"""The ports of the domain over real stores, keys and clocks."""
