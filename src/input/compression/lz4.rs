//! The LZ4 frame format, version 1.6.2: frames one after another, skippable ones among them.
//!
//! The framing is our own. The library's reader of frames takes a file that is cut off between two
//! blocks, and a block of no content, for the end of the data.

use std::hash::Hasher as _;
use std::mem;

use lz4_flex::block::{decompress_into, decompress_into_with_dict};
use twox_hash::XxHash32;

use super::{Codec, Fault, LZ4_FRAME, LZ4_LEGACY_FRAME, Step, is_skippable};

/// How far back a block may refer to the blocks before it, in bytes.
const WINDOW: usize = 64 * 1024;

/// The size of a block that says that there is none: the frame's end.
const END_MARK: u32 = 0;

/// The bit of a block's size that says that its content is not compressed.
const STORED: u32 = 1 << 31;

pub(super) struct Lz4 {
    state: State,
    /// What was read of what the state waits for.
    gathered: Vec<u8>,
    frame: Frame,
    /// What went before a block that may refer to it, and then the block's content.
    window: Vec<u8>,
    /// The part of the window that was not handed out yet.
    ready: (usize, usize),
    ended_one: bool,
}

/// What comes next.
#[derive(Clone, Copy)]
enum State {
    /// The four bytes that every frame starts with.
    Magic,
    /// The length of a skippable frame's content.
    SkippableLength,
    /// That many bytes of a skippable frame.
    Skipped(usize),
    /// The two bytes that say what the rest of the header is.
    Flags,
    /// The header's rest, of this many bytes, its checksum among them.
    Header(usize),
    /// The size of a block.
    BlockSize,
    /// A block's content and its checksum, if it has one.
    Block { len: usize, stored: bool },
    /// The checksum of the frame's content.
    ContentChecksum,
}

/// What a frame's header says, and what was found so far.
#[derive(Default)]
struct Frame {
    linked: bool,
    block_checksums: bool,
    content_checksum: Option<XxHash32>,
    content_size: Option<u64>,
    block_max: usize,
    flags: [u8; 2],
    /// How many bytes of content there were.
    len: u64,
}

impl Lz4 {
    pub(super) fn new() -> Lz4 {
        Lz4 {
            state: State::Magic,
            gathered: Vec::new(),
            frame: Frame::default(),
            window: Vec::new(),
            ready: (0, 0),
            ended_one: false,
        }
    }

    /// Takes bytes until there are `len` of them. Says how many it took, and whether that is all.
    fn gather(&mut self, input: &[u8], len: usize) -> (usize, bool) {
        let read = input.len().min(len - self.gathered.len());
        self.gathered.extend_from_slice(&input[..read]);
        (read, self.gathered.len() == len)
    }

    /// Goes on to the next state: `self.gathered` is complete.
    fn advance(&mut self) -> Result<(), Fault> {
        let gathered = mem::take(&mut self.gathered);
        let number = |at: usize| -> Option<u32> {
            Some(u32::from_le_bytes(*gathered.get(at..)?.first_chunk()?))
        };
        self.state = match self.state {
            State::Magic => match number(0) {
                Some(LZ4_FRAME) => State::Flags,
                Some(magic) if is_skippable(magic) => State::SkippableLength,
                Some(LZ4_LEGACY_FRAME) => {
                    return Err(Fault::Unsupported {
                        what: "has a frame of the format before 2013 (lz4 -l), whose end cannot be told from a cut",
                        advice: "decompress it with lz4 -d first, or compress it again without -l",
                    });
                }
                _ if self.ended_one => return Err(Fault::Trailing),
                _ => return Err(Fault::corrupt("its header is wrong")),
            },
            State::SkippableLength => match number(0).unwrap_or(0) {
                0 => self.end(),
                len => State::Skipped(usize::try_from(len).unwrap_or(usize::MAX)),
            },
            State::Flags => State::Header(self.frame.start(&gathered)?),
            State::Header(_) => {
                self.frame.finish_header(&gathered)?;
                self.window.clear();
                self.ready = (0, 0);
                State::BlockSize
            }
            State::BlockSize => match number(0).unwrap_or(END_MARK) {
                END_MARK if self.frame.content_checksum.is_some() => State::ContentChecksum,
                END_MARK => {
                    self.frame.check_size()?;
                    self.end()
                }
                size => {
                    let len = usize::try_from(size & !STORED).unwrap_or(usize::MAX);
                    if len > self.frame.block_max {
                        return Err(Fault::corrupt("a block is larger than the frame allows"));
                    }
                    State::Block {
                        len,
                        stored: size & STORED != 0,
                    }
                }
            },
            State::Block { len, stored } => {
                let (block, checksum) = gathered.split_at(len);
                if self.frame.block_checksums && checksum != xxh32(block).to_le_bytes() {
                    return Err(Fault::corrupt("a block fails its checksum"));
                }
                self.decompress(block, stored)?;
                State::BlockSize
            }
            State::ContentChecksum => {
                let hasher = self.frame.content_checksum.take();
                if number(0) != hasher.map(|hasher| hasher.finish_32()) {
                    return Err(Fault::corrupt("the content fails its checksum"));
                }
                self.frame.check_size()?;
                self.end()
            }
            State::Skipped(_) => self.end(),
        };
        // The memory of a block's bytes serves the next one.
        self.gathered = gathered;
        self.gathered.clear();
        Ok(())
    }

    /// Ends a frame.
    fn end(&mut self) -> State {
        self.ended_one = true;
        State::Magic
    }

    /// Puts a block's content into the window.
    fn decompress(&mut self, block: &[u8], stored: bool) -> Result<(), Fault> {
        let kept = if self.frame.linked {
            // The window's end goes to its start.
            let end = self.ready.1;
            let start = end.saturating_sub(WINDOW);
            self.window.copy_within(start..end, 0);
            end - start
        } else {
            0
        };
        self.window.resize(kept + self.frame.block_max, 0);
        let (before, content) = self.window.split_at_mut(kept);
        let len = if stored {
            content[..block.len()].copy_from_slice(block);
            block.len()
        } else if kept == 0 {
            decompress_into(block, content).map_err(|_| bad_block())?
        } else {
            decompress_into_with_dict(block, content, before).map_err(|_| bad_block())?
        };
        let content = content.get(..len).ok_or_else(bad_block)?;
        if let Some(hasher) = &mut self.frame.content_checksum {
            hasher.write(content);
        }
        self.frame.len = self.frame.len.saturating_add(len as u64);
        self.ready = (kept, kept + len);
        Ok(())
    }
}

impl Frame {
    /// Reads the two bytes of flags; returns how many bytes of the header follow.
    fn start(&mut self, flags: &[u8]) -> Result<usize, Fault> {
        let &[flags, block] = flags.first_chunk().ok_or_else(bad_header)?;
        let is_set = |bit: u8| flags >> bit & 1 == 1;
        if flags >> 6 != 1 || is_set(1) || block & 0x8f != 0 {
            return Err(bad_header());
        }
        if is_set(0) {
            return Err(Fault::Unsupported {
                what: "was compressed with a dictionary",
                advice: "decompress it with lz4 -d -D first",
            });
        }
        *self = Frame {
            linked: !is_set(5),
            block_checksums: is_set(4),
            content_checksum: is_set(2).then(|| XxHash32::with_seed(0)),
            content_size: is_set(3).then_some(0),
            block_max: match block >> 4 {
                size @ 4..=7 => 1 << (8 + 2 * size),
                _ => return Err(bad_header()),
            },
            flags: [flags, block],
            len: 0,
        };
        Ok(if is_set(3) { 8 + 1 } else { 1 })
    }

    /// Reads the header's rest.
    fn finish_header(&mut self, rest: &[u8]) -> Result<(), Fault> {
        let (&checksum, size) = rest.split_last().ok_or_else(bad_header)?;
        let mut hasher = XxHash32::with_seed(0);
        hasher.write(&self.flags);
        hasher.write(size);
        if hasher.finish_32().to_le_bytes()[1] != checksum {
            return Err(bad_header());
        }
        self.content_size = size.first_chunk().map(|size| u64::from_le_bytes(*size));
        Ok(())
    }

    fn check_size(&self) -> Result<(), Fault> {
        match self.content_size {
            Some(size) if size != self.len => Err(Fault::corrupt(
                "the content is not as long as the frame says",
            )),
            _ => Ok(()),
        }
    }
}

impl Codec for Lz4 {
    fn step(
        &mut self,
        input: &[u8],
        output: &mut [u8],
        _last: bool,
        done: &mut Step,
    ) -> Result<(), Fault> {
        loop {
            let (start, end) = self.ready;
            if start < end {
                let len = output.len().min(end - start);
                output[..len].copy_from_slice(&self.window[start..start + len]);
                self.ready.0 += len;
                done.written = len;
                return Ok(());
            }
            let rest = &input[done.read..];
            if rest.is_empty() {
                return Ok(());
            }
            let len = match self.state {
                // Not kept, however long it is.
                State::Skipped(left) => {
                    let skipped = left.min(rest.len());
                    done.read += skipped;
                    if skipped < left {
                        self.state = State::Skipped(left - skipped);
                    } else {
                        self.advance()?;
                    }
                    continue;
                }
                State::Magic
                | State::SkippableLength
                | State::BlockSize
                | State::ContentChecksum => 4,
                State::Flags => 2,
                State::Block { len, .. } if self.frame.block_checksums => len + 4,
                State::Block { len, .. } | State::Header(len) => len,
            };
            let (taken, complete) = self.gather(rest, len);
            done.read += taken;
            if complete {
                self.advance()?;
            }
        }
    }

    fn is_complete(&self) -> bool {
        self.ended_one && matches!(self.state, State::Magic) && self.gathered.is_empty()
    }

    fn gathered(&self) -> usize {
        self.gathered.len()
    }
}

fn xxh32(bytes: &[u8]) -> u32 {
    XxHash32::oneshot(0, bytes)
}

fn bad_header() -> Fault {
    Fault::corrupt("its header is wrong")
}

fn bad_block() -> Fault {
    Fault::corrupt("a block breaks the format's rules")
}
