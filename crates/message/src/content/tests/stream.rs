//! Containers as Outlook and mail clients write them, made for tests.

/// A TNEF stream that grows.
pub(super) struct Stream {
    out: Vec<u8>,
    properties: Vec<(u32, Vec<u8>)>,
    files: Vec<u8>,
}

const BINARY: u32 = 0x0102;
const NARROW: u32 = 0x001e;
const WIDE: u32 = 0x001f;
const OBJECT: u32 = 0x000d;
const NUMBER: u32 = 0x0003;

impl Stream {
    pub(super) fn new() -> Self {
        let out = [0x78, 0x9f, 0x3e, 0x22, 1, 0].to_vec();
        Stream { out, properties: Vec::new(), files: Vec::new() }
    }

    pub(super) fn attribute(mut self, level: u8, id: u32, value: &[u8]) -> Self {
        attribute(&mut self.out, level, id, value);
        self
    }

    pub(super) fn body(mut self, text: &str) -> Self {
        self.properties.push((0x1000 << 16 | WIDE, wide(text)));
        self
    }

    pub(super) fn subject(mut self, text: &str) -> Self {
        self.properties.push((0x0037 << 16 | WIDE, wide(text)));
        self
    }

    pub(super) fn class(mut self, text: &str) -> Self {
        self.properties.push((0x001a << 16 | NARROW, text.as_bytes().to_vec()));
        self
    }

    pub(super) fn html(mut self, html: &str) -> Self {
        self.properties.push((0x1013 << 16 | BINARY, html.as_bytes().to_vec()));
        self
    }

    /// Rich text that is not compressed.
    pub(super) fn rich(mut self, rich: &str) -> Self {
        let size = u32::try_from(rich.len()).unwrap().to_le_bytes();
        let value = [&size[..], &size, b"MELA", &[0; 4], rich.as_bytes()].concat();
        self.properties.push((0x1009 << 16 | BINARY, value));
        self
    }

    pub(super) fn file(mut self, name: &str, data: &[u8]) -> Self {
        attribute(&mut self.files, 2, 0x9002, &[0; 14]);
        let properties = properties(&[(0x3707 << 16 | WIDE, wide(name))]);
        attribute(&mut self.files, 2, 0x9005, &properties);
        attribute(&mut self.files, 2, 0x800f, data);
        self
    }

    pub(super) fn typed_file(mut self, name: &str, mimetype: &str, data: &[u8]) -> Self {
        attribute(&mut self.files, 2, 0x9002, &[0; 14]);
        attribute(&mut self.files, 2, 0x8010, name.as_bytes());
        let tag = (0x370e << 16 | NARROW, mimetype.as_bytes().to_vec());
        attribute(&mut self.files, 2, 0x9005, &properties(&[tag, (0x3701 << 16 | BINARY, data.to_vec())]));
        self
    }

    pub(super) fn message(mut self, stream: &[u8]) -> Self {
        attribute(&mut self.files, 2, 0x9002, &[0; 14]);
        let object = [&[0; 16][..], stream].concat();
        let method = (0x3705 << 16 | NUMBER, 5u32.to_le_bytes().to_vec());
        attribute(&mut self.files, 2, 0x9005, &properties(&[method, (0x3701 << 16 | OBJECT, object)]));
        self
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut out = self.out.clone();
        if !self.properties.is_empty() {
            attribute(&mut out, 1, 0x9003, &properties(&self.properties));
        }
        [out, self.files.clone()].concat()
    }
}

fn attribute(out: &mut Vec<u8>, level: u8, id: u32, value: &[u8]) {
    out.push(level);
    out.extend((0x0006_0000 | id).to_le_bytes());
    out.extend(u32::try_from(value.len()).unwrap().to_le_bytes());
    out.extend(value);
    let sum = value.iter().fold(0u16, |sum, byte| sum.wrapping_add(u16::from(*byte)));
    out.extend(sum.to_le_bytes());
}

fn properties(all: &[(u32, Vec<u8>)]) -> Vec<u8> {
    let mut out = u32::try_from(all.len()).unwrap().to_le_bytes().to_vec();
    for (tag, value) in all {
        out.extend(tag.to_le_bytes());
        if tag & 0xffff != NUMBER {
            out.extend(1u32.to_le_bytes());
            out.extend(u32::try_from(value.len()).unwrap().to_le_bytes());
        }
        out.extend(value);
        out.extend(vec![0; (4 - value.len() % 4) % 4]);
    }
    out
}

fn wide(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// Content signed within, without a signer: nobody looks at the signature.
pub(super) fn signed(content: &[u8]) -> Vec<u8> {
    const SIGNED: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
    const DATA: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];
    let content = element(0xa0, &element(0x04, content));
    let encapsulated = element(0x30, &[element(0x06, &DATA), content].concat());
    let data = [element(0x02, &[1]), element(0x31, &[]), encapsulated, element(0x31, &[])].concat();
    element(0x30, &[element(0x06, &SIGNED), element(0xa0, &element(0x30, &data))].concat())
}

fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap().to_be_bytes();
    [&[tag, 0x84][..], &length, content].concat()
}
