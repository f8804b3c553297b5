"""What languages are called."""

import re

# By what a person calls it who asks for an answer in it.
NAMES = {
    name: code
    for code, names in {
        "en": "english englisch englische englischen anglais anglaise inglés inglese ingles 英語 英语 英文",
        "de": "german deutsch deutsche deutschen allemand allemande alemán alemana tedesco ドイツ語 德语 德文",
        "fr": "french französisch französische französischen français française francés francesa francese フランス語 法语 法文",  # noqa: E501
        "es": "spanish spanisch spanische spanischen espagnol espagnole español española castellano spagnolo "
              "スペイン語 西班牙语",
        "it": "italian italienisch italienische italienischen italien italienne italiano italiana イタリア語 意大利语",
        "pt": "portuguese portugiesisch portugiesische portugais portugaise portugués portoghese português ポルトガル語 葡萄牙语",  # noqa: E501
        "nl": "dutch niederländisch niederländische néerlandais néerlandaise neerlandés holandés nederlands オランダ語 荷兰语",  # noqa: E501
        "ja": "japanese japanisch japanische japonais japonaise japonés giapponese 日本語 日语 日文",
        "zh": "chinese mandarin chinesisch chinesische chinois chinoise chino cinese 中国語 中文 汉语",
        "ko": "korean koreanisch koreanische coréen coréenne coreano 韓国語 韩语",
        "ru": "russian russisch russische russe ruso russo ロシア語 俄语",
        "pl": "polish polnisch polnische polonais polonaise polaco polacco ポーランド語",
        "tr": "turkish türkisch türkische turc turque turco トルコ語",
        "sv": "swedish schwedisch schwedische suédois suédoise sueco svedese スウェーデン語",
        "no": "norwegian danish norwegisch dänisch norvégien danois noruego danés",
        "cs": "czech slovak tschechisch slowakisch tchèque checo",
        "fi": "finnish finnisch finnois finlandés",
        "el": "greek griechisch grec griego",
        "ar": "arabic arabisch arabe árabe",
        "uk": "ukrainian ukrainisch ukrainien ucraniano",
        "hu": "hungarian ungarisch hongrois húngaro",
        "he": "hebrew hebräisch hébreu hebreo",
        "hi": "hindi",
        "vi": "vietnamese vietnamesisch vietnamien vietnamita",
        "ro": "romanian rumänisch roumain rumano",
        "la": "latin latein lateinisch lateinische latín latino",
    }.items()
    for name in names.split()
}  # fmt: skip

_STEMS = {
    "en": r"angiel anglick angličt inglês inglesa engels engelsk englanniksi englantilai angol ingiliz i̇ngiliz "
          r"англий англій αγγλικ inggris englez 영어 الإنجليزية אנגלית अंग्रेज tiếng\sanh ภาษาอังกฤษ",
    "de": r"niemieck niemc německ nemeck němec alemã duits(?!land) tysk(?!land) saksaksi saksankiel saksalai "
          r"német(?!orsz) almanca germană немец німец γερμανικ jerman deutschsprach tedesch tedesca 독일어 "
          r"الألمانية גרמנית",
    "fr": r"francusk francuz francouz franceses francesas frans(?!a\b) ranskaksi ranskankiel француз γαλλικ "
          r"prancis 프랑스어 الفرنسية צרפתית",
    "es": r"hiszpańsk španěls spaans spansk espanhol espanjaksi ispanyolca spagnola españoles испанск іспанськ "
          r"ισπανικ 스페인어 الإسبانية ספרדית",
    "it": r"włosk italsk italiaans italiensk italiaksi italiani italiane olasz(?!orsz) i̇talyan italyanca "
          r"итальян італійськ ιταλικ 이탈리아어",
    "pt": r"portugalsk portugees portugisisk portugisiska portuguesa portekizce brazilian португальск πορτογαλικ "
          r"포르투갈어",
    "nl": r"niderlandzk holendersk nizozemsk nederlandse nederländsk hollandsk hollanniksi olandese holländisch "
          r"holandesa голландск нидерландск 네덜란드어",
    "ja": r"japońsk japonsk japans japaniksi japonca giapponesi японск ιαπωνικ 일본어",
    "zh": r"chińsk čínsk chinees kinesisk kiinaksi çince chinesa chinês китайск κινεζικ 중국어",
    "ko": r"koreańsk korejsk korece корейск 한국어",
    "ru": r"rosyjsk rusk russisk ryska venäjäksi rusça russa русск російськ ρωσικ 러시아어",
    "pl": r"polsk(?!a\b) pools puolaksi lehçe polonês polacca польск 폴란드어",
    "tr": r"tureck tyrkisk turks turkiksi türkçe turco турецк",
    "sv": r"szwedzk švédsk zweeds svensk ruotsiksi isveççe svedesi шведск",
    "no": r"norwesk duńsk norsk dansk noors deens tanskaksi norjaksi norueguês dinamarquês danese норвежск датск",
    "cs": r"czesk česk(?!á\srep) slovensk(?!o\b) tsjechisch tjeckisk чешск словацк",
    "fi": r"fińsk finsk suomeksi suomen fins финск",
    "el": r"greck řeck grieks grekisk kreikaksi греческ ελληνικ",
    "ar": r"arabsk arabisk arapça арабск αραβικ العربية",
    "uk": r"ukraińsk ukrajinsk oekraïens ukrainsk украинск українськ",
    "hu": r"węgiersk maďarsk hongaars ungersk magyarul венгерск",
}  # fmt: skip
# As others call them, in whatever case: enough to tell that one is spoken of. Countries are none.
STEMS = {code: re.compile(rf"(?<!\w)(?:{'|'.join(stems.split())})", re.IGNORECASE) for code, stems in _STEMS.items()}
