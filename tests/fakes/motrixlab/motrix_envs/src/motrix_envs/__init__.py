from . import toys as toys  # registers its environments
