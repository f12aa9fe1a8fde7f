//! File systems on which files are read instead of mapped.
//!
//! On a local file system a page of a map that cannot be read raises SIGBUS, and a file that was cut
//! shorter says so to everybody at once. Where the file belongs to another machine, or to another
//! process, neither can be relied on: this kernel learns of a change when it next asks, old and new
//! pages may be seen side by side, and a page that cannot be had for a while (a server that restarts, a
//! lost connection) is a signal instead of an error that names the call. A read is asked for, answered
//! or refused.
//!
//! A file on an overlay (0x794c7630, as in containers) is mapped: its layers are nearly always local,
//! and statfs(2) does not tell where they are.

use std::fs::File;

/// The file systems whose files are not mapped: the number that statfs(2) gives, and a name to show.
///
/// The numbers are those of the headers named; `stat.c` is that of GNU coreutils, which has a list of its
/// own for those that are in no header, marked "remote" there.
const READ_FROM: &[(u32, &str)] = &[
    // linux/magic.h, and statfs(2)
    (0x0000_6969, "nfs"),    // NFS_SUPER_MAGIC
    (0x0000_517b, "smb"),    // SMB_SUPER_MAGIC
    (0xff53_4d42, "cifs"),   // CIFS_SUPER_MAGIC
    (0xfe53_4d42, "smb2"),   // SMB2_SUPER_MAGIC
    (0x6573_5546, "fuse"),   // FUSE_SUPER_MAGIC; also fuseblk and virtiofs
    (0x0102_1997, "9p"),     // V9FS_MAGIC
    (0x5346_414f, "afs"),    // AFS_SUPER_MAGIC, OpenAFS
    (0x6b41_4653, "afs"),    // AFS_FS_MAGIC, the kernel's own
    (0x00c3_6400, "ceph"),   // CEPH_SUPER_MAGIC
    (0x7375_7245, "coda"),   // CODA_SUPER_MAGIC
    (0x0000_564c, "ncp"),    // NCP_SUPER_MAGIC
    (0x7461_636f, "ocfs2"),  // OCFS2_SUPER_MAGIC
    (0x00c0_ffee, "hostfs"), // HOSTFS_SUPER_MAGIC, of user-mode Linux
    // linux/gfs2_ondisk.h
    (0x0116_1970, "gfs2"), // GFS2_MAGIC
    // fs/orangefs/protocol.h
    (0x2003_0528, "orangefs"), // ORANGEFS_SUPER_MAGIC
    // stat.c
    (0x0bd0_0bd0, "lustre"),   // S_MAGIC_LUSTRE
    (0x4750_4653, "gpfs"),     // S_MAGIC_GPFS
    (0x1983_0326, "beegfs"),   // S_MAGIC_FHGFS
    (0xaad7_aaea, "panfs"),    // S_MAGIC_PANFS
    (0x0131_11a8, "ibrix"),    // S_MAGIC_IBRIX
    (0xbeef_dead, "stornext"), // S_MAGIC_SNFS
    (0x6163_6673, "acfs"),     // S_MAGIC_ACFS
    (0xa501_fcf5, "vxfs"),     // S_MAGIC_VXFS, which may be a cluster's
    (0x786f_4256, "vboxsf"),   // S_MAGIC_VBOXSF
    (0xbacb_acbc, "vmhgfs"),   // S_MAGIC_VMHGFS
    (0x7c7c_6673, "prl_fs"),   // S_MAGIC_PRL_FS
    (0x5346_4846, "wslfs"),    // S_MAGIC_WSLFS, "local" there: the files of Windows under WSL 1
];

/// The name of the file system that a file is on, if it is one whose files are not to be mapped.
pub(super) fn not_to_be_mapped(file: &File) -> Option<&'static str> {
    match rustix::fs::fstatfs(file) {
        // The field's type is not the same everywhere, and has a sign on some machines.
        Ok(found) => name_of(u32::try_from(i128::from(found.f_type) & 0xffff_ffff).ok()?),
        // One that does not even say what it is; reading always works.
        Err(_) => Some("unknown"),
    }
}

fn name_of(magic: u32) -> Option<&'static str> {
    READ_FROM
        .iter()
        .find(|(number, _)| *number == magic)
        .map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_is_there_once() {
        for (magic, name) in READ_FROM {
            let same = READ_FROM.iter().filter(|(number, _)| number == magic);
            assert_eq!(same.count(), 1, "{name}");
            assert_eq!(name_of(*magic), Some(*name));
        }
    }

    /// Numbers of headers that the C library's crate has too, written by somebody else.
    #[test]
    fn numbers_are_those_of_the_headers() {
        let expected = [
            (libc::NFS_SUPER_MAGIC, Some("nfs")),
            (libc::SMB_SUPER_MAGIC, Some("smb")),
            (libc::FUSE_SUPER_MAGIC, Some("fuse")),
            (libc::AFS_SUPER_MAGIC, Some("afs")),
            (libc::CODA_SUPER_MAGIC, Some("coda")),
            (libc::NCP_SUPER_MAGIC, Some("ncp")),
            (libc::HOSTFS_SUPER_MAGIC, Some("hostfs")),
            (libc::EXT4_SUPER_MAGIC, None),
            (libc::XFS_SUPER_MAGIC, None),
            (libc::BTRFS_SUPER_MAGIC, None),
            (libc::TMPFS_MAGIC, None),
            (libc::OVERLAYFS_SUPER_MAGIC, None),
        ];
        for (magic, name) in expected {
            let magic = u32::try_from(i128::from(magic) & 0xffff_ffff).unwrap();
            assert_eq!(name_of(magic), name, "{magic:x}");
        }
    }

    #[test]
    fn a_file_system_of_the_kernel_alone_is_mapped() {
        assert_eq!(
            not_to_be_mapped(&File::open("/proc/self/stat").unwrap()),
            None
        );
    }
}
