return {identity, last}
