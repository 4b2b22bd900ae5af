"""A passage of ordinary prose in each language but English (for that, see ``bench.novel``), to be repeated."""

from __future__ import annotations

from gateway.text.languages import Language

PASSAGES: dict[Language, str] = {
    Language.ES: (
        "La casa de mi abuela estaba al final del camino, junto al río. Cada verano, cuando llegaban las vacaciones, "
        "íbamos todos en el viejo coche de mi padre. ¿Quién no recuerda aquellas tardes? En 1987 plantamos 12 árboles, "
        "y hoy dan sombra a todo el jardín; el más alto mide casi 9 metros. «Nunca vendas esta tierra», decía ella, y "
        "nadie se atrevió a preguntarle por qué.\n\n"
    ),
    Language.FR: (
        "Le vieux libraire ouvrait sa boutique à huit heures, sauf le lundi. Il connaissait chaque livre, chaque page "
        "jaunie, et presque tous ses clients. Qu'est-ce que vous cherchez aujourd'hui ? demandait-il en souriant. En "
        "1962, il avait vendu 3 000 romans en un seul mois ; depuis, les affaires allaient moins bien. L'hiver, "
        "pourtant, la lumière de sa lampe attirait encore les enfants de l'école.\n\n"
    ),
    Language.HI: (
        "गाँव के बाहर एक पुराना पीपल का पेड़ था। बच्चे रोज़ शाम को वहाँ खेलने आते थे। दादी उन्हें कहानियाँ सुनाती थीं, और सब चुपचाप "
        "सुनते रहते थे। क्या तुमने कभी ऐसा पेड़ देखा है? उस साल बारिश बहुत देर से आई, लेकिन खेत फिर भी हरे हो गए। 25 लोग मिलकर नया "
        "कुआँ खोदने लगे।\n\n"
    ),
    Language.IT: (
        "Il treno per Firenze partì con dieci minuti di ritardo. Una signora leggeva il giornale, mentre un ragazzo "
        "guardava dal finestrino le colline coperte di ulivi. Perché nessuno parlava? Nel 1974 quel viaggio durava "
        "quasi 5 ore; oggi ne bastano 2. «Siamo arrivati», disse infine il controllore, e la gente si alzò in "
        "silenzio.\n\n"
    ),
    Language.JA: (
        "駅前の小さな喫茶店は、朝七時に開きます。店主の山田さんは、毎日同じ時間に豆を挽き、静かに音楽をかけます。"
        "「いつもの席でいいですか？」と聞かれて、私はうなずきました。1998年から通っていますが、味は少しも変わりません。"
        "雨の日には、窓の外を歩く人々をながめながら、ゆっくり本を読むのが好きです。\n\n"
    ),
    Language.PT_BR: (
        "O pescador saiu antes do amanhecer, como fazia todos os dias. O mar estava calmo, e as gaivotas voavam baixo "
        "sobre o barco. Quantos peixes ele traria hoje? Em 1993, uma tempestade levou 7 barcos da vila; desde então, "
        "ninguém sai sem olhar o céu. «Volto para o almoço», disse ele à filha, que acenava da praia.\n\n"
    ),
    Language.ZH: (
        "村子东边有一座老桥，桥下的河水很清。每天早上，老王都会带着他的小狗去散步。你知道这座桥有多少年了吗？"
        "据说它是1905年修的，到现在已经一百多年了。夏天的时候，孩子们喜欢在河里游泳，大人们坐在树下喝茶、聊天。"
        "“时间过得真快啊！”他常常这样说。\n\n"
    ),
}
