//! The checksum of NUT: CRC-32 with the generator 0x04C11DB7, most significant bit first, beginning with zero.

static TABLE: [u32; 256] = table();

const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        let (mut value, mut bit) = ((i as u32) << 24, 0);
        while bit < 8 {
            value = if value >> 31 == 1 { value << 1 ^ 0x04C1_1DB7 } else { value << 1 };
            bit += 1;
        }
        table[i] = value;
        i += 1;
    }
    table
}

/// The checksum of bytes.
pub(super) fn of(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |crc, &byte| crc << 8 ^ TABLE[(crc >> 24) as usize ^ usize::from(byte)])
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_message_with_its_checksum_gives_zero() {
        let mut message = b"123456789".to_vec();
        let crc = super::of(&message);
        assert_eq!(crc, 0x89A1_897F);
        message.extend(crc.to_be_bytes());
        assert_eq!(super::of(&message), 0);
    }
}
