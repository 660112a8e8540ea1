"""Domains that name nobody's company: free mail (pinned here) and disposable mail (the package's list)."""

from __future__ import annotations

from collections.abc import Collection

from disposable_email_domains import blocklist

DISPOSABLE: frozenset[str] = frozenset(blocklist)

_FREE_MAIL = """
126.com 139.com 163.com 189.cn 21cn.com 2980.com abv.bg aim.com alice.it aliyun.com aol.co.uk aol.com aol.de aol.fr
aol.it aon.at arcor.de att.net azet.sk bbox.fr bellsouth.net bezeqint.net bigpond.com bigpond.net.au bk.ru
bluemail.ch bluewin.ch bol.com.br bredband.net btinternet.com btopenworld.com centrum.cz centrum.sk centurylink.net
cfl.rr.com charter.net chello.at chello.nl club-internet.fr comcast.net cox.net daum.net docomo.ne.jp duck.com
earthlink.net eircom.net email.com email.cz embarqmail.com ezweb.ne.jp fastmail.com fastmail.fm fastmail.net
foxmail.com free.fr freemail.hu freenet.de frontier.com frontiernet.net gmail.com gmx.at gmx.ch gmx.com gmx.de
gmx.fr gmx.net gmx.us googlemail.com hanmail.net hetnet.nl hey.com home.nl home.se hotmail.be hotmail.ca hotmail.ch
hotmail.cl hotmail.co.il hotmail.co.jp hotmail.co.nz hotmail.co.th hotmail.co.uk hotmail.com hotmail.com.ar
hotmail.com.au hotmail.com.br hotmail.com.mx hotmail.com.tr hotmail.de hotmail.dk hotmail.es hotmail.fi hotmail.fr
hotmail.gr hotmail.hu hotmail.it hotmail.nl hotmail.no hotmail.se hushmail.com i.softbank.jp icloud.com ig.com.br
iinet.net.au in.com inbox.com inbox.lv inbox.ru inode.at interia.pl internode.on.net juno.com kakao.com kpnmail.nl
laposte.net latinmail.com libero.it list.ru live.at live.be live.ca live.cl live.cn live.co.uk live.co.za live.com
live.com.ar live.com.au live.com.mx live.com.pt live.de live.dk live.fi live.fr live.ie live.in live.it live.jp
live.nl live.no live.ru live.se lycos.com mac.com mail.bg mail.com mail.de mail.ee mail.ru mail.ua mailbox.org
mailfence.com me.com mindspring.com msn.com mweb.co.za nate.com naver.com netcologne.de netscape.net netvigator.com
netzero.net neuf.fr nifty.com ntlworld.com numericable.fr o2.pl o2online.de onet.eu onet.pl online.de online.no
op.pl optimum.net optonline.net optusnet.com.au orange.fr orange.net outlook.at outlook.be outlook.cl outlook.co.id
outlook.co.il outlook.co.nz outlook.co.th outlook.com outlook.com.ar outlook.com.au outlook.com.br outlook.cz
outlook.de outlook.dk outlook.es outlook.fr outlook.hu outlook.ie outlook.in outlook.it outlook.jp outlook.kr
outlook.lv outlook.my outlook.ph outlook.pt outlook.sa outlook.sg outlook.sk passport.com planet.nl pm.me pobox.com
poczta.fm posteo.de posteo.net prodigy.net.mx proton.me protonmail.ch protonmail.com q.com qq.com rambler.ru
rediffmail.com roadrunner.com rocketmail.com rogers.com rr.com runbox.com sapo.pt sbcglobal.net seznam.cz sfr.fr
shaw.ca sina.cn sina.com sky.com skymail.jp skynet.be sohu.com spray.se startmail.com stofanet.dk sympatico.ca
t-online.de t-online.hu talk21.com talktalk.net tele2.nl telefonica.net telenet.be telfort.nl telia.com
teliamail.com telus.net terra.com terra.com.br tin.it tiscali.co.uk tiscali.it tlen.pl tom.com tut.by tuta.com
tuta.io tutamail.com tutanota.com tutanota.de uol.com.br usa.com usa.net verizon.net videotron.ca virgilio.it
virginmedia.com vodafone.de vodamail.co.za volny.cz wanadoo.es wanadoo.fr web.de windowslive.com windstream.net
wp.pl xs4all.nl xtra.co.nz ya.ru yahoo.at yahoo.be yahoo.ca yahoo.cl yahoo.cn yahoo.co.id yahoo.co.il yahoo.co.in
yahoo.co.jp yahoo.co.kr yahoo.co.nz yahoo.co.th yahoo.co.uk yahoo.co.za yahoo.com yahoo.com.ar yahoo.com.au
yahoo.com.br yahoo.com.cn yahoo.com.co yahoo.com.hk yahoo.com.mx yahoo.com.my yahoo.com.pe yahoo.com.ph yahoo.com.sg
yahoo.com.tr yahoo.com.tw yahoo.com.vn yahoo.cz yahoo.de yahoo.dk yahoo.es yahoo.fi yahoo.fr yahoo.gr yahoo.hu
yahoo.ie yahoo.in yahoo.it yahoo.jp yahoo.nl yahoo.no yahoo.pl yahoo.pt yahoo.ro yahoo.ru yahoo.se yandex.by
yandex.com yandex.kz yandex.ru yandex.ua yeah.net ymail.com zeelandnet.nl ziggo.nl zoho.com zohomail.com zohomail.eu
zonnet.nl
"""

FREE_MAIL: frozenset[str] = frozenset(_FREE_MAIL.split())
"""Pinned: a change of this list moves people between accounts, so it changes only with the code."""


def is_nobodys(host: str, registrable: str, added: Collection[str] = ()) -> bool:
    """Whether an address at ``host`` says nothing about a company; ``added``: the settings' domains."""
    return (
        registrable in FREE_MAIL
        or host in FREE_MAIL
        or registrable in DISPOSABLE
        or host in DISPOSABLE
        or registrable in added
    )
