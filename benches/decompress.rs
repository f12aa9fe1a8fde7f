//! Compressed lines to lines, on one thread, in memory; in bytes of what comes out.

use std::io::{Cursor, Read as _, Write as _};

use criterion::{BatchSize, Criterion, Throughput};
use daytally::generate::Profile;
use daytally::input::Compression;
use daytally::internals::Decompressor;

/// What the format's tool would make of it at its default level, or nearly.
pub(crate) fn compress(format: Compression, bytes: &[u8]) -> Vec<u8> {
    match format {
        #[cfg(feature = "gzip")]
        Compression::Gzip => {
            let mut encoder =
                flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        #[cfg(feature = "zstd")]
        Compression::Zstd => {
            let mut compressed = Vec::with_capacity(zstd_safe::compress_bound(bytes.len()));
            let mut encoder = zstd_safe::CCtx::create();
            encoder
                .set_parameter(zstd_safe::CParameter::ChecksumFlag(true))
                .unwrap();
            encoder.compress2(&mut compressed, bytes).unwrap();
            compressed
        }
        #[cfg(feature = "bzip2")]
        Compression::Bzip2 => {
            let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        #[cfg(feature = "xz")]
        Compression::Xz => {
            let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 3);
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        _ => {
            let info = lz4_flex::frame::FrameInfo::new()
                .block_size(lz4_flex::frame::BlockSize::Max4MB)
                .content_checksum(true);
            let mut encoder = lz4_flex::frame::FrameEncoder::with_frame_info(info, Vec::new());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
    }
}

/// Each format that is built in.
pub(crate) fn formats(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decompress");
    group.sample_size(10);
    let (bytes, _) = super::data::events(Profile::Narrow, 0.0, 1000);
    let lines = memchr::memchr_iter(b'\n', &bytes).count();
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    let mut buffer = vec![0; 1024 * 1024];
    for format in Compression::ALL.iter().copied() {
        if !format.is_built_in() {
            continue;
        }
        let compressed = compress(format, &bytes);
        group.bench_function(format.name(), |bencher| {
            bencher.iter_batched(
                || Box::new(Cursor::new(compressed.clone())),
                |source| {
                    let mut reader = Decompressor::new(format, source).unwrap();
                    let mut found = 0;
                    loop {
                        let len = reader.read(&mut buffer).unwrap();
                        if len == 0 {
                            break;
                        }
                        found += memchr::memchr_iter(b'\n', &buffer[..len]).count();
                    }
                    assert_eq!((reader.offset(), found), (bytes.len() as u64, lines));
                },
                BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}
