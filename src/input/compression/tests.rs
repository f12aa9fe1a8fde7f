//! Data made with the same libraries, whole and damaged, read in pieces of all sizes.

use std::io::Write as _;

use proptest::prelude::*;

use super::*;

/// A source that gives its bytes in pieces of at most `most`, and is interrupted now and then.
struct Pieces {
    bytes: Vec<u8>,
    at: usize,
    most: usize,
    state: u32,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.state = self
            .state
            .wrapping_mul(1_664_525)
            .wrapping_add(1_013_904_223);
        let choice = usize::try_from(self.state >> 16).unwrap();
        if choice % 5 == 0 {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let rest = &self.bytes[self.at..];
        let len = (choice % self.most + 1).min(rest.len()).min(buffer.len());
        buffer[..len].copy_from_slice(&rest[..len]);
        self.at += len;
        Ok(len)
    }
}

fn reader(format: Compression, bytes: &[u8]) -> Decompressor {
    Decompressor::new(format, Box::new(io::Cursor::new(bytes.to_vec()))).unwrap()
}

/// Reads all, and checks what every reader may rely on.
fn read_all(mut reader: Decompressor, at_a_time: usize) -> Result<Vec<u8>, (Vec<u8>, Fault)> {
    let mut all = Vec::new();
    let mut buffer = vec![0; at_a_time];
    loop {
        assert_eq!(reader.read(&mut []).unwrap(), 0);
        match reader.read(&mut buffer) {
            Ok(0) => {
                assert_eq!(reader.read(&mut buffer).unwrap(), 0, "an end stays an end");
                return Ok(all);
            }
            Ok(len) => all.extend_from_slice(&buffer[..len]),
            Err(error) => {
                let found = DecompressError::of(&error).unwrap().clone();
                assert_eq!(found.offset, all.len() as u64);
                let again = reader.read(&mut buffer).unwrap_err();
                assert_eq!(DecompressError::of(&again), Some(&found));
                return Err((all, found.fault));
            }
        }
        assert_eq!(reader.offset(), all.len() as u64);
    }
}

fn decompressed(format: Compression, bytes: &[u8]) -> Result<Vec<u8>, Fault> {
    read_all(reader(format, bytes), 10_000).map_err(|(_, fault)| fault)
}

/// Content that compresses somewhat: lines, and bytes without a pattern.
fn content(len: usize, seed: u32) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(len + 100);
    let mut state = seed;
    while bytes.len() < len {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        if state >> 30 == 0 {
            bytes.extend_from_slice(&state.to_le_bytes());
        } else {
            writeln!(
                bytes,
                "{{\"user_id\":{},\"event_type\":\"login\"}}",
                state >> 20
            )
            .unwrap();
        }
    }
    bytes.truncate(len);
    bytes
}

/// One member, frame or stream, with all checksums its format can have.
fn compressed(format: Compression, content: &[u8]) -> Vec<u8> {
    match format {
        #[cfg(feature = "gzip")]
        Compression::Gzip => {
            let mut encoder = flate2::GzBuilder::new()
                .filename("events.jsonl")
                .comment("made for a test")
                .extra("xx\u{4}\0abcd")
                .write(Vec::new(), flate2::Compression::fast());
            encoder.write_all(content).unwrap();
            encoder.finish().unwrap()
        }
        #[cfg(feature = "zstd")]
        Compression::Zstd => {
            let mut encoder = zstd_safe::CCtx::create();
            encoder
                .set_parameter(zstd_safe::CParameter::ChecksumFlag(true))
                .unwrap();
            let mut bytes = Vec::with_capacity(zstd_safe::compress_bound(content.len()));
            encoder.compress2(&mut bytes, content).unwrap();
            bytes
        }
        #[cfg(feature = "bzip2")]
        Compression::Bzip2 => {
            let mut encoder =
                ::bzip2::write::BzEncoder::new(Vec::new(), ::bzip2::Compression::fast());
            encoder.write_all(content).unwrap();
            encoder.finish().unwrap()
        }
        #[cfg(feature = "xz")]
        Compression::Xz => {
            let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 0);
            encoder.write_all(content).unwrap();
            encoder.finish().unwrap()
        }
        #[cfg(feature = "lz4")]
        Compression::Lz4 => lz4_frame(content, true),
        #[cfg(not(all(
            feature = "gzip",
            feature = "zstd",
            feature = "bzip2",
            feature = "xz",
            feature = "lz4"
        )))]
        _ => panic!("{format} is not built in, for {} bytes", content.len()),
    }
}

/// Blocks of gzip that say how long they are, as bgzip makes them.
#[cfg(feature = "gzip")]
fn bgzf(content: &[u8]) -> Vec<u8> {
    let mut all = Vec::new();
    for content in content.chunks(5_000).chain([&b""[..]]) {
        let mut encoder = flate2::GzBuilder::new()
            .extra("BC\u{2}\0\0\0")
            .write(Vec::new(), flate2::Compression::fast());
        encoder.write_all(content).unwrap();
        let mut block = encoder.finish().unwrap();
        let len = u16::try_from(block.len() - 1).unwrap().to_le_bytes();
        block[16..18].copy_from_slice(&len);
        all.extend(block);
    }
    all
}

#[cfg(feature = "lz4")]
fn lz4_frame(content: &[u8], linked: bool) -> Vec<u8> {
    use lz4_flex::frame::{BlockMode, BlockSize, FrameEncoder, FrameInfo};
    let info = FrameInfo::new()
        .block_mode(if linked {
            BlockMode::Linked
        } else {
            BlockMode::Independent
        })
        .block_size(BlockSize::Max64KB)
        .block_checksums(true)
        .content_checksum(true)
        .content_size(Some(content.len() as u64));
    let mut encoder = FrameEncoder::with_frame_info(info, Vec::new());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn built_in() -> impl Iterator<Item = Compression> {
    Compression::ALL
        .iter()
        .copied()
        .filter(|format| format.is_built_in())
}

#[test]
fn a_format_is_told_by_its_first_bytes() {
    let skippable = b"\x5f\x2a\x4d\x18\x04\0\0\0abcd";
    let zstd = b"\x28\xb5\x2f\xfd";
    let lz4 = b"\x04\x22\x4d\x18";
    for (start, format) in [
        (&b"\x1f\x8b\x08"[..], Some(Compression::Gzip)),
        (b"BZh9", Some(Compression::Bzip2)),
        (b"BZh1\0", Some(Compression::Bzip2)),
        (b"\xfd7zXZ\0", Some(Compression::Xz)),
        (zstd, Some(Compression::Zstd)),
        (lz4, Some(Compression::Lz4)),
        (b"\x02\x21\x4c\x18", Some(Compression::Lz4)),
        (skippable, Some(Compression::Zstd)),
        (&[&skippable[..], zstd].concat(), Some(Compression::Zstd)),
        (&[&skippable[..], lz4].concat(), Some(Compression::Lz4)),
        (
            &[&skippable[..], skippable, lz4].concat(),
            Some(Compression::Lz4),
        ),
        (b"\x50\x2a\x4d\x18\xff\xff\xff\xff", Some(Compression::Zstd)),
        (b"\x50\x2a\x4d\x18", Some(Compression::Zstd)),
        (b"", None),
        (b"{", None),
        (b"\x1f\x8b\x07", None),
        (b"BZh0", None),
        // Where the first bytes are cut off, unless it could be text.
        (b"\x1f", Some(Compression::Gzip)),
        (b"\x1f\x8b", Some(Compression::Gzip)),
        (b"\x1f{", None),
        (b"\xfd", Some(Compression::Xz)),
        (b"\xfd7zXZ", Some(Compression::Xz)),
        (b"\xfd7zX\n", None),
        (b"\xfd7zXZ\x01", None),
        (b"\x28", None),
        (b"\x28\xb5", Some(Compression::Zstd)),
        (b"\x28\xb5\x2f", Some(Compression::Zstd)),
        (b"\x28\xb5\x2e", None),
        (b"\x28\xb5\x2f\xfc", None),
        (b"\x04", None),
        (b"\x04\x22", Some(Compression::Lz4)),
        (b"\x04\x22\x4d", Some(Compression::Lz4)),
        (b"\x04\x22\x0a", None),
        (b"\x02\x21", Some(Compression::Lz4)),
        (b"\x02\x21\x4c", Some(Compression::Lz4)),
        (b"B", None),
        (b"BZ", None),
        (b"BZh", None),
        (b"P*M", None),
        (b"{\"user_id\":1}\n", None),
        (b"\xef\xbb\xbf{}", None),
    ] {
        assert_eq!(Compression::detect(start), format, "{start:?}");
    }
    for format in built_in() {
        assert_eq!(Compression::detect(&compressed(format, b"")), Some(format));
    }
}

#[test]
fn a_format_that_is_not_built_in_is_an_error_that_says_so() {
    for format in Compression::ALL.iter().copied() {
        let made = Decompressor::new(format, Box::new(io::empty()));
        if format.is_built_in() {
            assert_eq!(made.unwrap().format(), format);
        } else {
            let error = crate::Error::read("/data/a".as_ref(), made.unwrap_err());
            let expected = format!(
                "cannot decompress /data/a: this build cannot read {format}; decompress the file \
                 first, or use a build with the feature {format}"
            );
            assert_eq!(error.to_string(), expected);
        }
    }
}

#[test]
fn contents_of_all_sizes_come_back() {
    for format in built_in() {
        for len in [
            0, 1, 2, 9_999, 10_000, 10_001, 65_535, 65_536, 65_537, 1_100_000,
        ] {
            let content = content(len, 7);
            let bytes = compressed(format, &content);
            assert!(
                decompressed(format, &bytes) == Ok(content),
                "{format}, {len} bytes"
            );
        }
    }
}

/// Whatever a codec keeps for itself, of what it took or of what it has to give.
#[test]
fn the_ratio_of_what_was_read_so_far_is_that_of_all() {
    const LEN: usize = 6_000_000;
    let content = content(LEN, 7);
    for format in built_in() {
        let packed = compressed(format, &content);
        for wanted in [200_000, 1_000_000, 3_000_000] {
            let mut reader = reader(format, &packed);
            let (mut read, mut buffer) = (0, vec![0; 64 * 1024]);
            while read < wanted {
                read += reader.read(&mut buffer).unwrap();
            }
            let (taken, given) = reader.settle();
            assert!(
                taken <= packed.len() as u64 && given >= read as u64,
                "{format}"
            );
            // In thousandths.
            let all = given * packed.len() as u64 * 1000 / (taken * LEN as u64);
            assert!((900..1100).contains(&all), "{format} {wanted}: {all}");
        }
    }
}

#[test]
fn a_source_that_fails_is_no_fault_of_the_data() {
    struct Failing(usize);
    impl Read for Failing {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let Some(left) = self.0.checked_sub(1) else {
                return Err(io::Error::from_raw_os_error(5));
            };
            self.0 = left;
            let bytes = b"\x1f\x8b\x08\0\0\0\0\0\0\x03";
            buffer[..bytes.len()].copy_from_slice(bytes);
            Ok(bytes.len())
        }
    }
    for format in built_in() {
        for threads in [1, 4] {
            let threads = NonZero::new(threads).unwrap();
            let mut reader = Decompressor::with_limits(
                format,
                Box::new(Failing(0)),
                threads,
                Decompressor::MEMORY,
            )
            .unwrap();
            let error = reader.read(&mut [0]).unwrap_err();
            assert_eq!(error.raw_os_error(), Some(5));
            assert!(DecompressError::of(&error).is_none());
            let error = crate::Error::read("/data/a".as_ref(), error).to_string();
            assert!(error.starts_with("cannot read /data/a: "), "{error}");
        }
    }
}

/// Of what is supposed to be compressed every start of first bytes is cut off.
#[test]
fn what_has_begun_is_told() {
    for format in built_in() {
        let whole = compressed(format, b"{}\n");
        let magic = match format {
            Compression::Gzip => 3,
            Compression::Xz => 6,
            _ => 4,
        };
        for len in 1..magic {
            let start = &whole[..len];
            for likely in Compression::ALL.iter().copied() {
                assert_eq!(Compression::begun(start, likely), Some(format), "{start:?}");
            }
            // Whoever takes it for compressed says the same of it.
            let detected = Compression::detect(start);
            assert!(detected.is_none_or(|detected| detected == format));
            assert_eq!(decompressed(format, start), Err(Fault::CutOff));
        }
        assert_eq!(Compression::begun(&whole[..magic], format), None);
    }
    for (start, format) in [
        (&b"P"[..], Some(Compression::Zstd)),
        (b"_*M", Some(Compression::Zstd)),
    ] {
        assert_eq!(Compression::begun(start, Compression::Gzip), format);
    }
    for start in [&b""[..], b"{", b"{}\n", b"PK", b"P*\n", b"BZi", b"1"] {
        assert_eq!(
            Compression::begun(start, Compression::Gzip),
            None,
            "{start:?}"
        );
    }
}

/// How much is needed is told, however the data comes, and enough.
#[test]
#[cfg(feature = "xz")]
fn memory_for_xz_is_told() {
    use liblzma::stream::{Check, Filters, LzmaOptions, Stream};
    use liblzma::write::XzEncoder;

    let mut options = LzmaOptions::new_preset(0).unwrap();
    options.dict_size(40 << 20);
    let mut filters = Filters::new();
    filters.lzma2(&options);
    let stream = Stream::new_stream_encoder(&filters, Check::Crc32).unwrap();
    let mut encoder = XzEncoder::new_stream(Vec::new(), stream);
    encoder.write_all(&content(10_000, 1)).unwrap();
    let bytes = encoder.finish().unwrap();
    for threads in [1, 3] {
        for most in [1, 5, 100_000] {
            let read = |memory| {
                let (bytes, threads) = (bytes.clone(), NonZero::new(threads).unwrap());
                let source = Pieces {
                    bytes,
                    at: 0,
                    most,
                    state: 1,
                };
                let reader =
                    Decompressor::with_limits(Compression::Xz, Box::new(source), threads, memory);
                read_all(reader.unwrap(), 1000)
            };
            let (before, fault) = read(12 << 20).unwrap_err();
            assert!(before.is_empty());
            let Fault::NeedsMemory {
                allowed: 12_582_912,
                needed: Some(needed),
            } = fault
            else {
                panic!("{fault:?}");
            };
            // xz rounds dictionaries up to a power of two, or half as much more.
            assert!((40 << 20..52 << 20).contains(&needed), "{needed}");
            assert!(read(needed).unwrap() == content(10_000, 1));
        }
    }
}

#[test]
#[cfg(feature = "zstd")]
fn memory_for_zstd_is_told() {
    // A frame whose window is 40 MiB, and which ends at once; after two others.
    let frame = b"\x28\xb5\x2f\xfd\x00\x7a\x01\x00\x00";
    let other = compressed(Compression::Zstd, b"{}\n");
    let bytes = [&other[..], b"\x5f\x2a\x4d\x18\x04\0\0\0abcd", frame].concat();
    for most in [1, 3, 1000] {
        let read = |memory| {
            let bytes = bytes.clone();
            let source = Pieces {
                bytes,
                at: 0,
                most,
                state: 1,
            };
            let threads = NonZero::<usize>::MIN;
            let reader =
                Decompressor::with_limits(Compression::Zstd, Box::new(source), threads, memory);
            read_all(reader.unwrap(), 1000)
        };
        let needed = 64 << 20;
        let fault = Fault::NeedsMemory {
            allowed: 12 << 20,
            needed: Some(needed),
        };
        assert_eq!(read(12 << 20).unwrap_err(), (b"{}\n".to_vec(), fault));
        assert!(read(needed - 1).is_err());
        assert_eq!(read(needed).unwrap(), b"{}\n");
    }
}

#[test]
fn the_memory_limit_that_would_do_is_told() {
    let error = |allowed, needed| {
        let fault = Fault::NeedsMemory { allowed, needed };
        let error = DecompressError {
            format: Compression::Xz,
            offset: 7,
            fault,
        };
        error.to_string()
    };
    for (allowed, needed, expected) in [
        (
            12 << 20,
            Some(64 << 20),
            "after 7 decompressed bytes, the xz data needs 68 MB of memory to decompress, and may take 12 MB; \
             give --memory-limit at least 537MB for each input that is decompressed at a time (one with --threads 1), \
             or decompress it first",
        ),
        (
            12 << 20,
            Some(512 << 20),
            "after 7 decompressed bytes, the xz data needs 537 MB of memory to decompress, and may take 12 MB; \
             decompress it first",
        ),
        (
            12 << 20,
            None,
            "after 7 decompressed bytes, the xz data needs more than 12 MB of memory to decompress, which is all it may take; \
             raise the memory limit (--memory-limit), read fewer inputs at a time (--threads), or decompress it first",
        ),
        (
            Decompressor::MEMORY,
            None,
            "after 7 decompressed bytes, the xz data needs more than 268 MB of memory to decompress, which is all it may take; \
             decompress it first",
        ),
    ] {
        assert_eq!(error(allowed, needed), expected);
    }
}

#[test]
fn nothing_at_all_is_cut_off() {
    for format in built_in() {
        assert_eq!(decompressed(format, b""), Err(Fault::CutOff), "{format}");
    }
}

/// Every length of small data, and the lengths around its parts' ends.
#[test]
fn data_that_is_cut_off_is_an_error_wherever_the_cut_is() {
    for format in built_in() {
        for parts in [&[0][..], &[1], &[300], &[0, 0], &[40, 0, 200], &[100_000]] {
            let mut bytes = Vec::new();
            let mut ends = Vec::new();
            let mut plain = Vec::new();
            for (seed, &len) in (1..).zip(parts) {
                plain.extend(content(len, seed));
                bytes.extend(compressed(format, &content(len, seed)));
                ends.push(bytes.len());
            }
            let step = if bytes.len() > 2_000 { 997 } else { 1 };
            for cut in (1..bytes.len())
                .step_by(step)
                .chain(bytes.len() - 12..bytes.len())
            {
                let got = read_all(reader(format, &bytes[..cut]), 10_000);
                match got {
                    // Between two members, nothing shows that there was another one.
                    Ok(got) => assert!(ends.contains(&cut) && plain.starts_with(&got)),
                    Err((got, fault)) => {
                        assert_eq!(fault, Fault::CutOff, "{format} {parts:?} cut at {cut}");
                        assert!(plain.starts_with(&got));
                        assert!(!ends.contains(&cut));
                    }
                }
            }
        }
    }
}

#[test]
fn what_follows_the_data_is_an_error() {
    for format in built_in() {
        let whole = compressed(format, b"{}\n");
        for rest in [
            &b"{}\n"[..],
            b"\n",
            b"\0\0\0\0{",
            b"\0\0\0\x1f\x8b",
            b"BZxx",
            b"BZh9xxxxxxxxxx",
        ] {
            let fault = decompressed(format, &[&whole[..], rest].concat()).unwrap_err();
            assert!(
                matches!(
                    fault,
                    Fault::Trailing | Fault::CutOff | Fault::Corrupt { .. }
                ),
                "{format} {rest:?} {fault:?}"
            );
            if rest == b"{}\n" && format != Compression::Zstd && format != Compression::Lz4 {
                assert_eq!(fault, Fault::Trailing, "{format}");
            }
        }
        let fault = decompressed(format, &[&whole[..], b"{\"user_id\":1}"].concat()).unwrap_err();
        assert_eq!(fault, Fault::Trailing, "{format}");
        // Zeros fill up the last block of a tape, which gzip knows, and xz in fours.
        for zeros in [1, 3, 4, 512] {
            let padded = [&whole[..], &vec![0; zeros]].concat();
            let got = decompressed(format, &padded);
            let fine = match format {
                Compression::Gzip => true,
                Compression::Xz => zeros % 4 == 0,
                _ => false,
            };
            assert_eq!(got.is_ok(), fine, "{format}, {zeros} zeros: {got:?}");
        }
    }
}

/// A byte is damaged: an error, or the content as it was.
#[test]
fn damage_is_an_error_or_makes_no_difference() {
    for format in built_in() {
        for len in [0, 5, 700, 20_000] {
            let content = content(len, 3);
            let bytes = compressed(format, &content);
            let step = bytes.len() / 100 + 1;
            for at in (0..bytes.len()).step_by(step) {
                for flip in [1, 0x10, 0x80, 0xff] {
                    let mut damaged = bytes.clone();
                    damaged[at] ^= flip;
                    if let Ok(got) = decompressed(format, &damaged) {
                        assert!(
                            got == content,
                            "{format} {len} {at} {flip:#x}: {} bytes",
                            got.len()
                        );
                    }
                }
            }
        }
    }
}

/// Whoever looks for the fault finds what came before it, as far as the library gives it.
#[test]
fn what_comes_before_a_fault_is_given() {
    for format in built_in().filter(|&format| format != Compression::Zstd) {
        let plain = content(5_000, 3);
        let mut bytes = compressed(format, &plain);
        // In the checksum or the like at the end. bzip2 fills its last byte with bits of no meaning.
        let at = bytes.len() - 3;
        bytes[at] ^= 0x10;
        let Err((got, fault)) = read_all(reader(format, &bytes), 10_000) else {
            panic!("{format}: not noticed");
        };
        assert!(matches!(fault, Fault::Corrupt { .. }), "{format} {fault:?}");
        assert!(got == plain, "{format}: {} bytes", got.len());
    }
}

/// What several threads read is what one reads, whole and damaged.
#[test]
fn any_number_of_threads_reads_the_same() {
    let member = |format, content: &[u8]| match format {
        #[cfg(feature = "gzip")]
        Compression::Gzip => bgzf(content),
        _ => compressed(format, content),
    };
    for format in built_in() {
        let members = |lens: &[usize]| -> Vec<u8> {
            let seeds = 1..;
            let each = seeds
                .zip(lens)
                .map(|(seed, &len)| member(format, &content(len, seed)));
            each.collect::<Vec<_>>().concat()
        };
        let small = members(&[3_000; 30]);
        let mixed = members(&[
            10, 0, 40_000, 1, 5_000, 5_000, 5_000, 0, 20_000, 9_000, 9_000,
        ]);
        let middle = small.len() / 2;
        let mut damaged = small.clone();
        damaged[middle] ^= 0x55;
        let large = [
            &small[..],
            &compressed(format, &content(250_000, 5)),
            &small,
        ]
        .concat();
        let bomb = [&small[..], &compressed(format, &vec![0; 900_000]), &small].concat();
        let other = [&small[..], &compressed(format, b"{}\n"), &small].concat();
        let cases = [
            ("small", small.clone()),
            ("mixed", mixed),
            ("cut", small[..middle].to_vec()),
            ("cut at the end", small[..small.len() - 1].to_vec()),
            ("damaged", damaged),
            ("garbage", [&small[..], b"{}\n"].concat()),
            ("zeros", [&small[..], &[0; 1024]].concat()),
            ("large", large),
            ("bomb", bomb),
            ("other", other),
        ];
        for (name, bytes) in cases {
            let one = read_all(reader(format, &bytes), 10_000);
            for threads in [2, 16] {
                let source = Pieces {
                    bytes: bytes.clone(),
                    at: 0,
                    most: 50_000,
                    state: 1,
                };
                let threads = NonZero::new(threads).unwrap();
                let reader = Decompressor::with_limits(
                    format,
                    Box::new(source),
                    threads,
                    Decompressor::MEMORY,
                );
                let many = read_all(reader.unwrap(), 10_000);
                match (&one, &many) {
                    (Ok(one), Ok(many)) => assert!(one == many, "{format} {name}"),
                    (Err((one, fault)), Err((many, same))) => {
                        assert_eq!(fault, same, "{format} {name}");
                        assert!(one == many, "{format} {name}");
                    }
                    _ => panic!("{format} {name}: {} {}", one.is_ok(), many.is_ok()),
                }
            }
            let fine = matches!(name, "small" | "mixed" | "large" | "bomb" | "other")
                || name == "zeros" && matches!(format, Compression::Gzip | Compression::Xz);
            assert_eq!(one.is_ok(), fine, "{format} {name}");
        }
    }
}

/// Bytes without a pattern, after a right start: an error in bounded time and memory.
#[test]
fn nonsense_is_an_error() {
    for format in built_in() {
        let whole = compressed(format, &content(3_000, 1));
        for seed in 0..120 {
            let keep = (seed as usize * 7) % whole.len().min(100);
            let mut nonsense = whole[..keep].to_vec();
            let mut state: u32 = seed;
            for _ in 0..4_000 {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                nonsense.push((state >> 24) as u8);
            }
            decompressed(format, &nonsense).unwrap_err();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn all_parts_come_back_however_they_are_read(
        parts in prop::collection::vec((0_usize..70_000, any::<u32>()), 1..6),
        small in prop::collection::vec(0_usize..3, 0..3),
        pieces in prop_oneof![1_usize..20, 1_usize..300_000],
        at_a_time in prop_oneof![1_usize..100, 1_usize..300_000],
        state in any::<u32>(),
        threads in 1_usize..8,
    ) {
        for format in built_in() {
            let mut plain = Vec::new();
            let mut bytes = Vec::new();
            for (len, seed) in parts.iter().copied().chain(small.iter().map(|&len| (len, 1))) {
                plain.extend(content(len, seed));
                bytes.extend(compressed(format, &content(len, seed)));
            }
            let source = Pieces { bytes, at: 0, most: pieces, state };
            let reader = Decompressor::with_limits(
                format,
                Box::new(source),
                NonZero::new(threads).unwrap(),
                Decompressor::MEMORY,
            );
            let got = read_all(reader.unwrap(), at_a_time);
            prop_assert!(got.as_ref().is_ok_and(|got| *got == plain), "{}", format);
        }
    }
}
