from . import sled as sled
