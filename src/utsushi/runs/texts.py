"""What a run's report says of a model, in both languages."""

from __future__ import annotations

__all__ = ["TEXTS"]

#: By language and key; the exhibits' captions say what to look for.
TEXTS: dict[str, dict[str, str]] = {
    "en": {
        "title": "{model} of {data}",
        "lead": (
            "{model} with a code of {n_components} numbers, fitted for {n_epochs} epochs to "
            "{n_rows} rows of {n_features} features."
        ),
        "numbers": "Numbers",
        "numbers_caption": "Measured on {n_rows} {rows}; the standard error is over rows.",
        "test_rows": "test rows that the model has not seen",
        "training_rows": "training rows, for the source has no test rows",
        "quantity": "Quantity",
        "value": "Value",
        "standard_error": "Standard error",
        "figures": "Figures",
        "settings": "Settings",
        "reconstruction_error": "Mean squared error of the reconstructions",
        "pca_reconstruction_error": "The same by PCA of as many components",
        "lecture_loss": "Loss over the number of features, as the lecture prints it",
        "bound": "Bound on the log density, nats a row",
        "kl": "Divergence of the code, nats a row",
        "dead_components": "Components under 0.1 nats",
        "learning_alt": "Learning curves of the objective.",
        "learning": (
            "The objective of the training rows during each epoch and, where rows were held out, of "
            "those after it. Look for the gap: where the curve of held-out rows parts from the "
            "training curve, the model has begun to learn its rows by heart."
        ),
        "reconstructions_alt": "Rows of images: originals, and what came back through the code.",
        "reconstructions_ae": (
            "Ten images, and what comes back from their codes. Look for what the code dropped: "
            "thin lines, small openings, whatever made one image differ from its neighbours."
        ),
        "reconstructions_vae": (
            "Ten images, two reconstructions from drawn codes, and one from the mean code. Look at "
            "how much the two middle rows differ: that is what the posterior leaves open. The mean "
            "code gives the steadiest copy."
        ),
        "samples_alt": "Fifty generated images.",
        "samples_ae": (
            "Fifty codes drawn from a {sampler} fitted to the training codes, decoded. Look for "
            "images between two classes: the autoencoder was never asked to make every code "
            "mean something."
        ),
        "samples_vae": (
            "Fifty codes drawn from the {sampler}, decoded. Look for shapes that are clearly one "
            "class, and for blur: a decoder gives the mean of all images that a code could stand "
            "for."
        ),
        "codes_alt": "Scatter plot of the codes on their first two principal components.",
        "codes": (
            "The codes of rows along their first two principal components, {coloured}. Look for "
            "classes that lie apart, and for those that share a place: they look alike to the "
            "model."
        ),
        "coloured": "coloured by class",
        "uncoloured": "which carry the shares of variance that the axes name",
        "components_alt": "Bars of the divergence per component, largest first.",
        "components": (
            "Information that each component of the code carries. A bar near zero is a component "
            "that the model has given up: its posterior is the prior, whatever the row."
        ),
        "sampler_Prior": "prior",
        "sampler_Gaussian": "Gaussian",
        "sampler_Mixture": "mixture of Gaussians",
        "sampler_Flow": "normalizing flow",
        "sampler_TwoStage": "second variational autoencoder",
    },
    "ja": {
        "title": "{data} で学習した {model}",
        "lead": (
            "{n_features} 次元のデータ {n_rows} 件を用いて，コードが {n_components} 次元の {model} を "
            "{n_epochs} エポック学習した結果です．"
        ),
        "numbers": "評価結果",
        "numbers_caption": "{rows} {n_rows} 件で測定．標準誤差はデータ間のばらつきから求めています．",
        "test_rows": "学習に使っていないテストデータ",
        "training_rows": "学習データ（テストデータがないため）",
        "quantity": "項目",
        "value": "値",
        "standard_error": "標準誤差",
        "figures": "図",
        "settings": "設定",
        "reconstruction_error": "再構成誤差（平均二乗誤差）",
        "pca_reconstruction_error": "同じ次元数の PCA の再構成誤差",
        "lecture_loss": "損失 / 特徴数（講義ノートの表示と同じ量）",
        "bound": "対数尤度の下界（ELBO），1 件あたり nat",
        "kl": "KLダイバージェンス，1 件あたり nat",
        "dead_components": "KLダイバージェンスが 0.1 nat 未満の成分の数",
        "learning_alt": "目的関数の学習曲線．",
        "learning": (
            "エポックごとの目的関数の値．学習に使っていないデータの曲線が学習データの曲線から"
            "離れ始めたら，モデルが学習データを丸暗記し始めた（過学習の）しるしです．"
        ),
        "reconstructions_alt": "元画像と再構成画像を並べたもの．",
        "reconstructions_ae": (
            "10 枚の画像と，そのコードから再構成した画像．細い線や小さなすき間など，"
            "コードに残らなかったものを探してみてください．"
        ),
        "reconstructions_vae": (
            "上から順に，元画像，近似事後分布からサンプリングしたコードによる再構成 2 通り，近似事後分布の"
            "平均による再構成．2 行目と 3 行目の違いが，近似事後分布の不確かさを表します．平均を使うと最も"
            "安定した再構成になります．"
        ),
        "samples_alt": "生成した 50 枚の画像．",
        "samples_ae": (
            "学習データのコードに当てはめた{sampler}から 50 個のコードをサンプリングし，デコードした画像．"
            "どのクラスともつかない画像に注目してください．オートエンコーダは，すべてのコードが"
            "意味を持つようには学習していません．"
        ),
        "samples_vae": (
            "{sampler}から 50 個のコードをサンプリングし，デコードした画像．はっきりしたものと，ぼやけた"
            "ものがあります．ぼやけるのは，デコーダが，そのコードから生成されうる画像の平均を出力する"
            "ためです．"
        ),
        "codes_alt": "コードの第 1・第 2 主成分の散布図．",
        "codes": (
            "コードを第 1・第 2 主成分の平面に描いた散布図（{coloured}）．離れているクラスと，重なっている"
            "クラスを見比べてください．重なっているクラスは，モデルから見て似ているということです．"
        ),
        "coloured": "色はクラス",
        "uncoloured": "軸には寄与率を示す",
        "components_alt": "成分ごとの KLダイバージェンスの棒グラフ．",
        "components": (
            "コードの各成分が持つ情報量．ほぼ 0 の成分は使われていません．どのデータに対しても"
            "近似事後分布が事前分布と同じになっています（事後崩壊）．"
        ),
        "sampler_Prior": "事前分布",
        "sampler_Gaussian": "正規分布",
        "sampler_Mixture": "混合正規分布",
        "sampler_Flow": "正規化フロー",
        "sampler_TwoStage": "2 段目の変分オートエンコーダ",
    },
}
