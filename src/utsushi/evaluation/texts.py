"""Diagnostics as sentences in English and Japanese."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["Diagnostic", "diagnostic", "translate"]

#: A key of the sentences below, the values in it, and the English sentence as ``"text"``: plain
#: data for JSON, which can be translated later.
Diagnostic = dict[str, Any]

_SENTENCES: dict[str, dict[str, str]] = {
    "en": {
        "data_range": "The data range of PSNR and SSIM is {data_range:g}.",
        "standardized": "Errors are in standard deviations of the columns: 0 is an exact reconstruction, 1 is as good as each column's mean.",
        "columns": "Numbers and dates: squared error over variance; 0 is exact, 1 is as good as the mean. Categories and booleans: share of wrong values.",
        "missing": "{n_missing} values are missing. They count in no error, and PCA takes the mean of the column in their place.",
        "no_range": "All values are equal, so the data range is 0: PSNR and SSIM are not defined.",
        "as_good_as_the_mean": "The model leaves {percent:.3g} % of the variance of these samples, about as much as their mean: it has learned almost nothing. Try {fixes}.",
        "worse_than_pca": "PCA of the same size reconstructs these samples better: it leaves {percent_of_pca:.3g} % of their variance, the model {percent:.3g} %. Try {fixes}.",
        "by_heart": "The model overfits: the error of these samples is at least {times:.3g} times that of the training samples. Train on more samples, or try fewer components, a narrower network or recipe__weight_decay=1.",
        "ssim_window": "SSIM compares windows of {window} × {window} pixels.",
        "ssim_too_small": "SSIM is not measured: no window fits into images smaller than 3 pixels.",
        "ssim_missing": "SSIM is not measured: it needs torchmetrics. Install it with pip install 'utsushi[metrics]'.",
        "extractor": "These figures compare features of {extractor}. Compare them only between models with the same features and the same numbers of samples; they are not comparable with distances of Inception features (FID, KID).",
        "no_anomalies": "Anomalies are not measured: the score of a conditional model needs the class of a sample, which anomalies do not have.",
        "no_whole_labels": "Measures by class are left out: the labels must be integers or strings.",
        "no_generation": "Generated samples are not measured: {reason}.",
        "information_limit": "The estimate of the mutual information has reached its limit, {limit:.2f} nats, the logarithm of the number of samples: it is a lower bound, and the divergence of the aggregate posterior is an upper bound.",
        "active_pca": "PCA has {n_components} components, as many as are active in a sample.",
        "all_alive": "All {n_components} components carry information.",
        "some_dead": "Dead components (under 0.1 nats): {n_dead} of {n_components}. Try {fixes}, or fewer components.",
        "all_dead": "All {n_components} components are dead (under 0.1 nats): the posterior has collapsed, and the decoder ignores the code. Try {fixes}.",
        "tells_nothing": "The code has a divergence of {cost:.2f} nats, but carries only {told:.2f} nats of information on its sample: the network has hardly learned yet. Try max_epochs>{n_epochs}.",
        "far_from_prior": "The aggregate posterior is far from the prior (by at least {far_by:.1f} nats): codes drawn from the prior will lie between those of the data. Use sampler='mixture'.",
        "no_training_rows": "Synthetic rows are not measured: the training rows, which they are compared with, are missing.",
        "few_rows": "Synthetic rows are not measured: at least {fewest} rows of each table are needed, and there are {n_rows}.",
        "no_held_out": "The rows are those of the training, so there is no floor, and no column is predicted. Hold some out with test_fraction=0.2, or measure other rows.",
        "no_target": "Nothing is predicted: {reason}.",
        "worse_than_copula": "A classifier tells these rows from real ones more easily than those of a Gaussian copula (ROC-AUC {value:.2f}, copula {of_copula:.2f}). Train on more rows or for more epochs, or use the copula.",
        "near_copies": "{percent:.1f} % of the synthetic rows are as close to a training row as the closest 1 % of held-out rows: the model may have memorized rows. Train for fewer epochs, or on more rows.",
        "hidden_values": "{percent:.0f} % of the values of {n_rows} rows were hidden at random; intervals are of 90 % and from {n_draws} draws. The baseline is the mean or the most frequent value.",
        "split_rows": "There are no other labelled samples: the classifiers were trained on one half of these, and evaluated on the other.",
        "no_classes": "Measures by class are left out: the labels must have 2 to {max_classes} different values, and have {n_labels}.",
    },
    "ja": {
        "data_range": "PSNR と SSIM では，データの値の範囲を {data_range:g} としています．",
        "standardized": "誤差の単位は各列の標準偏差です．0 は完全な再構成，1 は各列の平均を返した場合と同じです．",
        "columns": "数値と日付は，二乗誤差を分散で割った値です（0 は完全な再構成，1 は列の平均を返した場合と同じ）．カテゴリと真偽値は，元と異なる値になった割合です．",
        "active_pca": "PCA の成分数は，データ 1 件あたりの活性な成分の数に合わせて {n_components} です．",
        "missing": "欠損値が {n_missing} 個あります．誤差は観測された値だけで計算し，PCA では欠損値を列の平均で補いました．",
        "no_range": "すべての値が等しく，値の範囲が 0 のため，PSNR と SSIM は計算できません．",
        "as_good_as_the_mean": "再構成の誤差が，このデータの分散の {percent:.3g} % あります．平均を返す場合とほとんど変わらず，学習が進んでいません．{fixes} を試してください．",
        "worse_than_pca": "成分数が同じ PCA のほうが正確に再構成します．このデータの分散に対する誤差は，PCA が {percent_of_pca:.3g} %，モデルが {percent:.3g} % です．{fixes} を試してください．",
        "by_heart": "このデータの誤差は，学習データの誤差の {times:.3g} 倍以上です．モデルは過学習しています．学習データを増やすか，n_components を減らす，hidden を狭くする，recipe__weight_decay=1 にするなどの変更を試してください．",
        "ssim_window": "SSIM のウィンドウは {window} × {window} 画素です．",
        "ssim_too_small": "画像が 3 画素未満でウィンドウが入らないため，SSIM は省略しました．",
        "ssim_missing": "SSIM の計算には torchmetrics が必要なため，省略しました（pip install 'utsushi[metrics]'）．",
        "extractor": "{extractor} の特徴量の間で測った値です．同じ特徴量，同じ件数のモデル同士でだけ比較できます．Inception の特徴量による FID や KID とは比較できません．",
        "no_anomalies": "条件付きモデルのスコアにはクラスが必要なため，異常検知は評価していません．",
        "no_whole_labels": "ラベルが整数や文字列ではないため，クラスによる評価は省略しました．",
        "no_generation": "生成データは評価していません（{reason}）．",
        "information_limit": "相互情報量の推定値が上限（データ数の対数，{limit:.2f} nat）に達しています．相互情報量は下界，集約事後分布の KLダイバージェンスは上界とみなしてください．",
        "all_alive": "{n_components} 個の潜在変数はすべて情報を持っています．",
        "some_dead": "{n_components} 個の潜在変数のうち {n_dead} 個が使われていません（0.1 nat 未満）．{fixes} を試すか，n_components を減らしてください．",
        "all_dead": "{n_components} 個の潜在変数がどれも使われておらず（0.1 nat 未満），事後崩壊が起きています．デコーダはコードを無視しています．{fixes} を試してください．",
        "tells_nothing": "コードの KLダイバージェンスは {cost:.2f} nat ですが，データについての情報は {told:.2f} nat しかありません．学習がほとんど進んでいないようです．max_epochs>{n_epochs} を試してください．",
        "far_from_prior": "集約事後分布が事前分布から離れています（{far_by:.1f} nat 以上）．事前分布からのサンプルは，学習したコードの隙間に落ちやすくなります．sampler='mixture' を使ってください．",
        "no_training_rows": "比較の基準となる学習データがないため，合成データは評価していません．",
        "few_rows": "合成データの評価には，どの表にも {fewest} 件以上のデータが必要です（{n_rows} 件しかありません）．",
        "no_held_out": "学習データで測定したため，到達可能な下限と，列の予測による評価はありません．test_fraction=0.2 で一部を学習から除くか，別のデータで測定してください．",
        "no_target": "列の予測による評価は省略しました（{reason}）．",
        "worse_than_copula": "分類器は，ガウスコピュラの合成データよりも容易に，このモデルの合成データを本物と見分けます（ROC-AUC はモデル {value:.2f}，コピュラ {of_copula:.2f}）．学習データかエポックを増やすか，コピュラを使ってください．",
        "near_copies": "合成データの {percent:.1f} % が，学習に使っていないデータのうち最も近い 1 % と同じくらい，学習データに近い値です．モデルが学習データを丸暗記している可能性があります．エポックを減らすか，学習データを増やしてください．",
        "hidden_values": "{n_rows} 件の値のうち {percent:.0f} % を無作為に隠して測りました．区間は {n_draws} 回のサンプリングによる 90 % 区間です．ベースラインは平均または最頻値です．",
        "split_rows": "ほかにラベル付きのデータがないため，分類器はこのデータの半分で学習し，残りの半分で評価しました．",
        "no_classes": "ラベルの種類が {n_labels} 個あるため（2～{max_classes} 個を想定），クラスによる評価は省略しました．",
    },
}

_OR = {"en": " or ", "ja": " または "}


def diagnostic(key: str, **values: Any) -> Diagnostic:
    """Return a diagnostic with its values and its English sentence.

    Examples
    --------
    >>> diagnostic("all_alive", n_components=3)["text"]
    'All 3 components carry information.'
    """
    return {"key": key, **values, "text": _sentence(key, values, "en")}


def translate(diagnostic: Mapping[str, Any], language: str) -> str:
    """Return the sentence of a diagnostic in a language.

    Parameters
    ----------
    diagnostic : mapping
        What `diagnostic` returned, or the same read from JSON.
    language : {"en", "ja"}

    Examples
    --------
    >>> translate(diagnostic("ssim_window", window=7), "ja")
    'SSIM のウィンドウは 7 × 7 画素です．'
    """
    return _sentence(diagnostic["key"], diagnostic, language)


def _sentence(key: str, values: Mapping[str, Any], language: str) -> str:
    """Fill in a sentence; lists become alternatives."""
    words = {
        name: _OR[language].join(value) if isinstance(value, list) else value
        for name, value in values.items()
    }
    return _SENTENCES[language][key].format(**words)
