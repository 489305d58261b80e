import gzip

from tfcompress.measurement import Size, size


def test_bytes_on_disk_and_after_gzip(dense_files):
    path = dense_files["fixed"]
    measured = size(path)
    assert measured.bytes == path.stat().st_size
    assert measured == size(str(path))
    packed = gzip.compress(path.read_bytes(), 9, mtime=0)
    assert measured == Size(len(path.read_bytes()), len(packed))
    assert gzip.decompress(packed) == path.read_bytes()
