//! Common names that are, and that aren't, a subject.

use rcgen::string::{BmpString, PrintableString, TeletexString};
use rcgen::{CertificateParams, DistinguishedName, DnType, DnValue, KeyPair};
use rustls::pki_types::CertificateDer;

use crate::security::tls::{CertificateSubject, SubjectError};

fn subject(names: &[(DnType, DnValue)]) -> Result<String, SubjectError> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    for (kind, value) in names {
        params.distinguished_name.push(kind.clone(), value.clone());
    }
    let key = KeyPair::generate().expect("a key");
    let certificate = params.self_signed(&key).expect("a certificate");
    CertificateSubject::of(certificate.der()).map(|subject| subject.as_str().to_owned())
}

fn common_name(value: impl Into<DnValue>) -> (DnType, DnValue) {
    (DnType::CommonName, value.into())
}

/// rcgen knows one common name; by its number it takes another.
fn another_common_name(value: &str) -> (DnType, DnValue) {
    (DnType::CustomDnType(vec![2, 5, 4, 3]), value.into())
}

#[test]
fn a_subject_is_the_exact_text() {
    for name in ["root", "Root", " root", "root ", "a b", "*", "rööt", "r/o,o=t", "\u{200b}"] {
        assert_eq!(subject(&[common_name(name)]).as_deref(), Ok(name));
    }
    let printable = DnValue::PrintableString(PrintableString::try_from("root").expect("ASCII"));
    assert_eq!(subject(&[common_name(printable)]).as_deref(), Ok("root"));
    let unit = (DnType::OrganizationalUnitName, "admin".into());
    assert_eq!(subject(&[unit, common_name("root")]).as_deref(), Ok("root"));
}

#[test]
fn a_name_that_could_mean_two_is_none() {
    for name in ["", "root\0", "\0", "ro\not", "root\u{7f}", "root\u{85}"] {
        assert_eq!(subject(&[common_name(name)]), Err(SubjectError::BadName), "{name:?}");
    }
    let wide = DnValue::BmpString(BmpString::try_from("root").expect("UCS-2"));
    assert_eq!(subject(&[common_name(wide)]), Err(SubjectError::BadName));
    let teletex = DnValue::TeletexString(TeletexString::try_from("root").expect("T.61"));
    assert_eq!(subject(&[common_name(teletex)]), Err(SubjectError::BadName));
}

#[test]
fn there_is_exactly_one_common_name() {
    let unit = (DnType::OrganizationalUnitName, "root".into());
    for names in [vec![], vec![unit]] {
        assert_eq!(subject(&names), Err(SubjectError::NotOneName { n_names: 0 }));
    }
    let two = [common_name("guest"), another_common_name("root")];
    assert_eq!(subject(&two), Err(SubjectError::NotOneName { n_names: 2 }));
    let same = [common_name("root"), another_common_name("root")];
    assert_eq!(subject(&same), Err(SubjectError::NotOneName { n_names: 2 }));
}

#[test]
fn what_is_no_certificate_has_no_subject() {
    let broken = CertificateDer::from(b"not a certificate".to_vec());
    assert_eq!(CertificateSubject::of(&broken), Err(SubjectError::Unreadable));
}
