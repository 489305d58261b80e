"""How tables and pages look."""

TABLE_STYLE = """
.tfcompress{border-collapse:collapse;font-variant-numeric:tabular-nums}
.tfcompress th,.tfcompress td{padding:.45em .7em;text-align:right;vertical-align:top;
border-bottom:1px solid #d9d9d9}
.tfcompress tbody th{text-align:left;overflow-wrap:anywhere}
.tfcompress small{display:block;color:#555;white-space:nowrap}
.tfcompress .number{white-space:nowrap}
"""

# A table of class "cards" becomes one card for each row where the page is narrow.
PAGE_STYLE = """
:root{color-scheme:light}
*{box-sizing:border-box}
body{margin:0 auto;padding:1.5rem 1rem 3rem;max-width:76rem;background:#fff;
color:#1a1a1a;overflow-wrap:anywhere;
font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
h1{font-size:1.6rem;line-height:1.25;margin:0 0 .5rem}
h2{font-size:1.2rem;margin:2.5rem 0 .5rem}
h3{font-size:.95rem;margin:0}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:.9rem}
caption{text-align:left;font-weight:600;padding:.4rem 0}
th,td{padding:.35em .6em;text-align:right;vertical-align:top;font-weight:400}
tbody th,td:first-child,th:first-child{text-align:left}
tbody tr{border-bottom:1px solid #e4e4e4}
thead th{color:#555;vertical-align:bottom}
.gain{font-size:1.1rem;margin:0 0 1.5rem}
.small{font-size:.85rem;color:#444}
.scroll{overflow-x:auto;max-width:100%}
.tfcompress{width:100%}
.tfcompress tbody th{font-weight:600}
.tfcompress tr.reference{background:#f4f4f4}
.columns{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,26rem),1fr));
gap:1rem 2.5rem;align-items:start}
.columns>*{min-width:0}
figure{margin:0;max-width:32rem}
figure.curves{max-width:34rem}
figcaption{font-weight:600}
svg{width:100%;height:auto;display:block}
ol.points{font-size:.9rem;padding-left:1.6rem;margin:.5rem 0}
dl{margin:0}
dt{font-weight:600}
dd{margin:0;white-space:pre-line}
.making dt:not(:first-child){margin-top:.9rem}
.confusion{font-size:.8rem}
.confusion th,.confusion td{padding:.3em .35em;text-align:center;white-space:nowrap}
.confusion tbody th,.confusion thead th:first-child{text-align:left;position:sticky;
left:0;background:#fff;max-width:8em;overflow:hidden;text-overflow:ellipsis}
.upright thead span{writing-mode:vertical-rl;transform:rotate(180deg);max-height:9em;
overflow:hidden;text-overflow:ellipsis}
.confusion tbody tr{border:0}
.confusion td{border:1px solid #fff;min-width:1.9em}
.confusion .none{color:#767676}
.confusion .right{font-weight:600}
.pairs td:nth-child(2){text-align:left}
.layers{width:100%;table-layout:fixed}
.layers td,.layers th{text-align:left}
.bar{display:flex;align-items:center;gap:.5rem;line-height:1.35}
.bar .value{flex:0 0 6.5em;text-align:right}
.bar .track{flex:1 1 0;min-width:0}
.before,.after{display:block;height:.65em;min-width:1px}
.before{border:1.5px solid #d55e00;background:#fff}
.after{background:#0072b2}
.key{display:inline-block;width:1.6em;vertical-align:baseline}
.gallery{list-style:none;margin:0;padding:0;display:grid;gap:1rem;
grid-template-columns:repeat(auto-fill,minmax(9rem,1fr))}
.gallery li{border:1px solid #d9d9d9;border-radius:.4rem;padding:.6rem;font-size:.85rem;
min-width:0}
.gallery img{width:100%;height:6rem;object-fit:contain;image-rendering:pixelated;
background:#f4f4f4;display:block;margin:0 0 .4rem}
.gallery .words{margin:0 0 .4rem;color:#444}
.gallery dl>div{display:flex;flex-wrap:wrap;justify-content:space-between;gap:0 .6rem}
.gallery dt{font-weight:400;color:#555}
.gallery dd{margin:0;font-weight:600}
@media (max-width:60rem){
.cards thead{position:absolute;width:1px;height:1px;overflow:hidden;
clip-path:inset(50%)}
.cards,.cards tbody,.cards tr,.cards tbody th{display:block}
.cards tr,.cards tbody tr{border:1px solid #d9d9d9;border-radius:.4rem;
margin:0 0 .75rem;padding:.4rem .2rem}
.cards tbody th,.cards td{border:0;padding:.15rem .7rem}
.cards tbody th{font-size:1rem;font-weight:600}
.cards td{display:flex;justify-content:space-between;gap:1rem;text-align:right}
.cards td::before{content:attr(data-title);color:#555;text-align:left}
.layers td{display:block;text-align:left}
.layers td::before{display:block}
.confusion{font-size:.72rem}
.confusion th,.confusion td{padding:.2em .2em}
}
"""
