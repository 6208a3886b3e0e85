"""AdminService by its subjects, a file each."""
