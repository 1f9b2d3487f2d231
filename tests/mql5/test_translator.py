"""What the translator spells anew, and what it refuses because MetaEditor and g++ would not agree."""

import pytest
from harness.translate import NotPortableError, translate


def _translated(folder, source):
    path = folder / "Program.mq5"
    path.write_text(source)
    return translate(path, folder).partition("\n")[2]


@pytest.mark.parametrize(
    ("source", "made"),
    [
        ("int a[];", "Array<int> a;"),
        ("   uchar m_key[32];", "   Array<uchar> m_key{FixedSize{32}};"),
        ('string n[]={"a","b"};', 'Array<string> n={string(u"a"),string(u"b")};'),
        ("void F(const uchar &a[],string &b[]);", "void F(const Array<uchar> &a,Array<string> &b);"),
        ("input double Risk = 0.5; // Risk", "MQL_INPUT(double, Risk, 0.5); "),
        ('input group "Risk"', ""),
        ("#property strict", ""),
        ("datetime d=D'2024.11.22 01:00';", "datetime d=1732237200;"),
        ("color c=C'255,0,1';", "color c=65791;"),
        ("x=a[0]; return(b[1]);", "x=a[0]; return(b[1]);"),
        ('s="// \\"no\\" comment"; // one', 's=string(u"// \\"no\\" comment"); '),
        ("/* new\n delete */ int x;", "\n int x;"),
    ],
)
def test_what_is_spelt_otherwise(tmp_path, source, made):
    assert _translated(tmp_path, source) == made


@pytest.mark.parametrize(
    "source",
    [
        '#import "libzmq.dll"',
        "x=new CThing;",
        "delete x;",
        "template<typename T>",
        "a->b();",
        "typedef int F;",
        "double a[][2];",
        'string s="é";',
    ],
)
def test_what_is_refused(tmp_path, source):
    with pytest.raises(NotPortableError):
        _translated(tmp_path, source)


def test_an_include_comes_once_and_lines_keep_their_numbers(tmp_path):
    (tmp_path / "Part.mqh").write_text("int part;\n")
    made = _translated(tmp_path, '#include "Part.mqh"\n#include <Part.mqh>\nint x;')
    assert made.count("int part;") == 1
    assert f'#line 2 "{tmp_path / "Program.mq5"}"' in made
