"""The texts of a run's report, in English and Japanese."""

from __future__ import annotations

__all__ = ["TEXTS"]

#: Texts by language and key.
TEXTS: dict[str, dict[str, str]] = {
    "en": {
        "title": "{model} of {data}",
        "lead": (
            "{model} with a code of {n_components} numbers, fitted for {n_epochs} epochs to "
            "{n_rows} samples of {n_features} features."
        ),
        "lead_table": (
            "{model} with a code of {n_components} numbers, fitted for {n_epochs} epochs to "
            "{n_rows} rows of {n_features} columns."
        ),
        "numbers_lead_table": (
            "Synthetic rows are compared with real ones, as are three other tables with as many "
            "rows: real rows, which differ by chance alone, rows of a Gaussian copula, and rows "
            "with each column shuffled. Privacy is measured by distances, and not guaranteed."
        ),
        "group_synthetic": "Synthetic rows",
        "group_imputation": "Imputed values",
        "baseline_floor": "Real rows",
        "baseline_copula": "Copula",
        "baseline_independent": "Shuffled",
        "baseline_baseline": "Baseline",
        "measure_row_bound": "Bound on the log density of a row, nats",
        "measure_column_error": "Error of the columns",
        "measure_pair_error": "Error of the pairs of columns",
        "measure_real_or_synthetic": "Real or synthetic: ROC-AUC of a classifier",
        "measure_target": "Predicted column",
        "measure_target_roc_auc": "Trained on these rows, tested on real ones: ROC-AUC",
        "measure_target_r2": "Trained on these rows, tested on real ones: R²",
        "measure_synthetic_nearest_training_row": "Distance to the nearest training row",
        "measure_share_near_training_row": "Share near a training row",
        "measure_copied_rows": "Share equal to a training row",
        "measure_nrmse": "RMSE, standard deviations",
        "measure_accuracy": "Accuracy of categories",
        "measure_coverage": "Coverage of 90 % intervals",
        "measure_width": "Width of the intervals, standard deviations",
        "measure_log_density": "Log density of a hidden number, nats",
        "synthetic_columns": "Columns of synthetic rows",
        "synthetic_columns_note": (
            "Numbers and dates: Kolmogorov-Smirnov distance; other columns: total variation. The "
            "largest error is first."
        ),
        "synthetic_pairs": "Pairs of columns of synthetic rows",
        "synthetic_pairs_note": (
            "Two numbers: difference of Spearman's correlations; a number and a category: "
            "difference of the mean ranks; two categories: total variation of the contingency "
            "table. The largest error is first."
        ),
        "worst_errors": "{n_shown} of {n_errors} are shown.",
        "imputation_columns": "Columns of imputed values",
        "histograms_alt": "Histograms of the columns of real and of synthetic rows.",
        "histograms": (
            "The columns of real rows (filled) and of as many synthetic rows (outlined). Look for "
            "peaks that the synthetic rows lack, and for values that no real row has."
        ),
        "associations_alt": "Matrices of the dependence between columns, real and synthetic.",
        "associations": (
            "How strongly each pair of columns depends on each other in real and in synthetic "
            "rows, and the difference: Spearman's correlation of numbers, the correlation ratio of "
            "a number and a category, Cramér's V of categories. A dark cell of the difference is a "
            "dependence that the model misses or exaggerates."
        ),
        "comparison_lead_table": "{models}, evaluated in the same way on {n_rows} {rows}.",
        "numbers": "Numbers",
        "numbers_lead": "PCA has as many components as the code. Each standard error is that of the value before it.",
        "numbers_caption": "{group}, measured on {rows}",
        "test_rows": "test samples that the model was not trained on",
        "training_rows": "training samples, because the source has no test samples",
        "model": "Model",
        "standard_error": "s.e.",
        "rows": "Samples",
        "group_reconstruction": "Reconstruction",
        "group_columns": "Columns",
        "group_sparsity": "Sparse codes",
        "measure_l0": "Active components of a sample (L0)",
        "measure_explained_variance": "Explained variance",
        "measure_dead": "Share of dead components",
        "group_denoising": "Denoising",
        "group_likelihood": "Likelihood",
        "group_collapse": "Use of the code",
        "group_features": "Codes as features",
        "group_symbols": "Discrete codes",
        "measure_mse": "Mean squared error",
        "measure_standardized_mse": "Mean squared error, standardized columns",
        "measure_squared_error": "Squared error per sample",
        "measure_mse_damaged": "Corrupted samples, mean squared error",
        "measure_mse_repaired": "Corrupted samples after denoising, mean squared error",
        "measure_psnr": "PSNR, dB",
        "measure_ssim": "SSIM",
        "measure_lecture_loss": "Loss / features, as the lecture prints it",
        "measure_bound": "Bound on log p(x), nats (PCA: exact)",
        "measure_importance_bound_1": "Importance-weighted bound, K = 1, nats",
        "measure_importance_bound_100": "Importance-weighted bound, K = 100, nats",
        "measure_importance_bound_5000": "Importance-weighted bound, K = 5000, nats",
        "measure_exact": "Exact log density, nats",
        "measure_bits_per_dimension": "Bits per dimension",
        "group_anomalies": "Anomalies",
        "measure_roc_auc": "ROC-AUC",
        "measure_average_precision": "Average precision",
        "measure_false_positive_rate_at_95_recall": "False-positive rate at 95 % recall",
        "measure_n_normal": "Normal samples",
        "measure_n_anomalies": "Anomalous samples",
        "group_generation": "Generated samples",
        "measure_frechet_distance": "Fréchet distance",
        "measure_kernel_distance": "Kernel distance",
        "measure_precision": "Precision",
        "measure_recall": "Recall",
        "measure_real_frechet_distance": "Fréchet distance of training samples (attainable minimum)",
        "measure_real_kernel_distance": "Kernel distance of training samples",
        "measure_real_precision": "Precision of training samples",
        "measure_real_recall": "Recall of training samples",
        "measure_nearest_training_row": "Distance to the nearest training sample",
        "measure_nearest_training_row_held_out": "The same of held-out samples",
        "measure_nearest_training_row_ratio": "Ratio of the two",
        "measure_share_memorized": "Share nearer than the nearest 1 % of held-out samples",
        "measure_kl": "Divergence from the prior, nats",
        "measure_kl_per_component": "Divergence of each component, nats",
        "measure_dead_components": "Dead components, under 0.1 nats",
        "measure_active_units": "Active units",
        "measure_mutual_information": "Mutual information of sample and code, nats",
        "measure_aggregate_divergence": "Divergence of the aggregate posterior, nats",
        "measure_aggregate_divergence_at_least": "The same, lower bound",
        "measure_bits_per_code": "Bits per code",
        "measure_symbols_in_use": "Share of the symbols in use",
        "measure_perplexity": "Perplexity of the symbols",
        "measure_trustworthiness": "Trustworthiness, 5 neighbours",
        "measure_linear_probe": "Accuracy of a linear probe",
        "measure_neighbours": "Accuracy of 5 nearest neighbours",
        "measure_adjusted_rand_index": "Clusters: adjusted Rand index",
        "measure_normalized_mutual_information": "Clusters: normalized mutual information",
        "comparison_title": "Comparison of models of {data}",
        "comparison_lead": (
            "{models}, evaluated in the same way on {n_rows} {rows}. For each number of components "
            "there is a PCA of the same size."
        ),
        "comparison_learning": (
            "The objective of the training samples during each epoch. Only curves of the same unit "
            "share an axis. Compare how fast they converge; a lower curve means better "
            "reconstructions only between models with the same objective."
        ),
        "comparison_reconstructions_alt": "Rows of images: originals, and each model's reconstructions.",
        "comparison_reconstructions": (
            "Reconstructions of the same ten images by each model. Look for an image that is hard "
            "for all models, and for a model that preserves thin strokes."
        ),
        "comparison_samples_alt": "Rows of generated images, one row for each model.",
        "comparison_samples": (
            "Ten images that each model generated with its own sampler. Look for shapes of no "
            "class, and for blur."
        ),
        "worst_columns": "The {n_shown} of {n_columns} columns with the largest errors.",
        "figures": "Figures",
        "settings": "Settings",
        "learning_alt": "Learning curves of the objective.",
        "learning": (
            "The objective of the training samples during each epoch and, if samples were held out, "
            "of these after it. Look for a gap: once the curve of held-out samples departs from the "
            "training curve, the model overfits."
        ),
        "reconstructions_alt": "Rows of images: originals and reconstructions.",
        "reconstructions_ae": (
            "Ten images and their reconstructions. Look for details that the code does not represent, "
            "such as thin lines and small openings."
        ),
        "reconstructions_vae": (
            "Ten images, two reconstructions from drawn codes, and one from the mean code. The "
            "difference between the two middle rows shows the uncertainty of the posterior. The "
            "mean code gives the most stable reconstruction."
        ),
        "reconstructions_dae": (
            "Ten images, the same images corrupted as in training, and the reconstructions from "
            "these. Look for strokes that the model restored, and for strokes that it invented "
            "where too little information was left."
        ),
        "samples_alt": "Fifty generated images.",
        "samples_ae": (
            "Fifty codes drawn from a {sampler} fitted to the training codes, decoded. Look for "
            "images between two classes: the training of an autoencoder does not give every code a "
            "meaning."
        ),
        "samples_vae": (
            "Fifty codes drawn from the {sampler}, decoded. Look for shapes that are clearly of one "
            "class, and for blur: a decoder returns the mean of all images that are possible for a "
            "code."
        ),
        "atoms_alt": "Fifty atoms as images.",
        "atoms": (
            "The fifty atoms that these samples use most, in descending order; grey is zero. Look for "
            "recognizable strokes."
        ),
        "codes_alt": "Scatter plot of the codes on their first two principal components.",
        "codes": (
            "The codes of the samples on their first two principal components, {coloured}. Classes "
            "that overlap are similar for the model."
        ),
        "coloured": "coloured by class",
        "uncoloured": "with the share of variance of each on its axis",
        "components_alt": "Bars of the divergence per component, largest first.",
        "components": (
            "The information that each component of the code carries. A bar near zero is a "
            "component that the model does not use: its posterior is the prior for every sample."
        ),
        "sampler_Prior": "prior",
        "sampler_Gaussian": "Gaussian",
        "sampler_Mixture": "mixture of Gaussians",
        "sampler_Flow": "normalizing flow",
        "sampler_TwoStage": "second variational autoencoder",
        "sampler_Autoregressive": "autoregressive transformer",
        "anomaly_title": "Anomalies in {data}",
        "anomaly_lead": "{n_samples} samples, scored by {scoring}. A lower score is more abnormal; the {n_outliers} samples with a score below {threshold} are outliers.",
        "anomaly_worst": "The most abnormal samples",
        "anomaly_tables_neighbors": "Each table shows the columns that contribute most to the outlyingness of a sample, which is minus its score. The expected value is the mean of the 20 training samples that are nearest in all other columns, with their standard deviation.",
        "anomaly_tables_autoencoder": "Each table shows the columns that contribute most to the outlyingness of a sample, which is minus its score. The expected value is the one that the autoencoder reconstructs as itself, given all other columns.",
        "anomaly_sample": "Row {row}: {about}",
        "anomaly_label": "Label",
        "anomaly_label_is": "label {value}",
        "anomaly_score": "Score",
        "anomaly_score_is": "score {value}",
        "anomaly_verdict": "Verdict",
        "anomaly_verdict_is": "{value}",
        "anomaly_p_value": "p-value",
        "anomaly_p_value_is": "p = {value}",
        "anomaly_outlier": "outlier",
        "anomaly_normal": "normal",
        "anomaly_and": ", ",
        "anomaly_column": "Column",
        "anomaly_value": "Value",
        "anomaly_expected": "Expected",
        "anomaly_share": "Contribution",
        "anomaly_row": "Row",
        "anomaly_where": "Where it is abnormal",
        "anomaly_images_neighbors": "The images with the lowest scores, the lowest on the left. Middle: the mean of the nearest training images. Bottom: the contribution of each pixel to the score; darker pixels contribute more.",
        "anomaly_images_autoencoder": "The images with the lowest scores, the lowest on the left. Middle: their reconstructions. Bottom: the contribution of each pixel to the score; darker pixels contribute more.",
        "anomaly_images_alt": "Three rows of images: samples, expected images, and maps of the contributions.",
    },
    "ja": {
        "title": "{data} で学習した {model}",
        "lead": (
            "{n_features} 次元のデータ {n_rows} 件を用いて，コードが {n_components} 次元の {model} を "
            "{n_epochs} エポック学習した結果です．"
        ),
        "lead_table": (
            "{n_features} 列の表 {n_rows} 件を用いて，コードが {n_components} 次元の {model} を "
            "{n_epochs} エポック学習した結果です．"
        ),
        "numbers_lead_table": (
            "合成データを実データと比べています．同じ件数のほかの 3 つの表の値も並べています．実データ"
            "（偶然による違いだけがある），ガウスコピュラの合成データ，各列を別々に並べ替えたデータです．"
            "プライバシーは距離で測っているだけで，保証するものではありません．"
        ),
        "group_synthetic": "合成データ",
        "group_imputation": "欠損値の補完",
        "baseline_floor": "実データ",
        "baseline_copula": "コピュラ",
        "baseline_independent": "並べ替え",
        "baseline_baseline": "ベースライン",
        "measure_row_bound": "1 件の対数密度の下界，nat",
        "measure_column_error": "列の分布の誤差",
        "measure_pair_error": "列どうしの関係の誤差",
        "measure_real_or_synthetic": "実データと合成データを見分ける分類器の ROC-AUC",
        "measure_target": "予測する列",
        "measure_target_roc_auc": "このデータで学習し，実データで評価した ROC-AUC",
        "measure_target_r2": "このデータで学習し，実データで評価した R²",
        "measure_synthetic_nearest_training_row": "最も近い学習データまでの距離",
        "measure_share_near_training_row": "学習データに極端に近い割合",
        "measure_copied_rows": "学習データと等しい割合",
        "measure_nrmse": "RMSE（標準偏差を単位とする）",
        "measure_accuracy": "カテゴリの正解率",
        "measure_coverage": "90 % 区間の被覆率",
        "measure_width": "区間の幅（標準偏差を単位とする）",
        "measure_log_density": "隠した数値 1 個の対数密度，nat",
        "synthetic_columns": "合成データの列",
        "synthetic_columns_note": (
            "数値と日付はコルモゴロフ–スミルノフ距離，それ以外は全変動距離です．誤差の大きい順に示しています．"
        ),
        "synthetic_pairs": "合成データの列の組",
        "synthetic_pairs_note": (
            "数値どうしはスピアマンの相関係数の差，数値とカテゴリは平均順位の差，カテゴリどうしは分割表の"
            "全変動距離です．誤差の大きい順に示しています．"
        ),
        "worst_errors": "{n_errors} 個のうち {n_shown} 個を示しています．",
        "imputation_columns": "補完した列",
        "histograms_alt": "実データと合成データの列のヒストグラム．",
        "histograms": (
            "実データ（塗りつぶし）と，同じ件数の合成データ（輪郭線）の各列．合成データにない山や，"
            "実データにない値に注目してください．"
        ),
        "associations_alt": "実データと合成データにおける列どうしの関係の行列．",
        "associations": (
            "列どうしの関係の強さを，実データと合成データで比べ，その差を示しています．数値どうしはスピアマンの"
            "相関係数，数値とカテゴリは相関比，カテゴリどうしはクラメールの V です．差の色が濃いところは，モデルが"
            "再現していない，または強めすぎている関係です．"
        ),
        "comparison_lead_table": "{models} を，同じ{rows} {n_rows} 件で同じように評価しました．",
        "numbers": "評価結果",
        "numbers_lead": "PCA の成分数はコードの次元数と同じです．標準誤差は，その左の値のものです．",
        "numbers_caption": "{group}（{rows}で測定）",
        "test_rows": "学習に使っていないテストデータ",
        "training_rows": "学習データ（テストデータがないため）",
        "model": "モデル",
        "standard_error": "標準誤差",
        "rows": "件数",
        "group_reconstruction": "再構成",
        "group_columns": "列ごとの再構成",
        "group_sparsity": "スパースなコード",
        "measure_l0": "データ 1 件あたりの活性な成分の数（L0）",
        "measure_explained_variance": "説明された分散の割合",
        "measure_dead": "使われない成分の割合",
        "group_denoising": "ノイズ除去",
        "group_likelihood": "尤度",
        "group_collapse": "潜在変数と事後崩壊",
        "group_symbols": "離散コード",
        "group_features": "特徴量としてのコード",
        "measure_mse": "再構成誤差（平均二乗誤差）",
        "measure_standardized_mse": "再構成誤差（各列を標準化した平均二乗誤差）",
        "measure_squared_error": "再構成誤差（1 件あたりの二乗誤差の和）",
        "measure_mse_damaged": "壊れたデータの平均二乗誤差（復元前）",
        "measure_mse_repaired": "壊れたデータの平均二乗誤差（復元後）",
        "measure_psnr": "PSNR（dB）",
        "measure_ssim": "SSIM",
        "measure_lecture_loss": "損失 / 特徴数（講義ノートの表示と同じ量）",
        "measure_bound": "対数尤度の下界（PCA は厳密な値），nat",
        "measure_importance_bound_1": "重点サンプリングによる下界（K = 1），nat",
        "measure_importance_bound_100": "重点サンプリングによる下界（K = 100），nat",
        "measure_importance_bound_5000": "重点サンプリングによる下界（K = 5000），nat",
        "measure_exact": "厳密な対数密度，nat",
        "measure_bits_per_dimension": "1 次元あたりのビット数",
        "group_anomalies": "異常検知",
        "measure_roc_auc": "ROC-AUC",
        "measure_average_precision": "平均適合率",
        "measure_false_positive_rate_at_95_recall": "再現率 95 % での偽陽性率",
        "measure_n_normal": "正常データの件数",
        "measure_n_anomalies": "異常データの件数",
        "group_generation": "生成データ",
        "measure_frechet_distance": "フレシェ距離",
        "measure_kernel_distance": "カーネル距離",
        "measure_precision": "適合率",
        "measure_recall": "再現率",
        "measure_real_frechet_distance": "学習データのフレシェ距離（到達可能な下限）",
        "measure_real_kernel_distance": "学習データのカーネル距離",
        "measure_real_precision": "学習データの適合率",
        "measure_real_recall": "学習データの再現率",
        "measure_nearest_training_row": "最も近い学習データまでの距離",
        "measure_nearest_training_row_held_out": "同上（学習に使っていないデータ）",
        "measure_nearest_training_row_ratio": "両者の比",
        "measure_share_memorized": "学習データに極端に近い割合",
        "measure_kl": "KLダイバージェンス，nat",
        "measure_kl_per_component": "潜在変数ごとの KLダイバージェンス，nat",
        "measure_dead_components": "使われていない潜在変数の数（0.1 nat 未満）",
        "measure_active_units": "活性な潜在変数の数（active units）",
        "measure_bits_per_code": "コードのビット数",
        "measure_symbols_in_use": "使われている記号の割合",
        "measure_perplexity": "記号のパープレキシティ",
        "measure_mutual_information": "データとコードの相互情報量，nat",
        "measure_aggregate_divergence": "集約事後分布の KLダイバージェンス，nat",
        "measure_aggregate_divergence_at_least": "同上の下界，nat",
        "measure_trustworthiness": "信頼性（trustworthiness，5 近傍）",
        "measure_linear_probe": "線形プローブの正解率",
        "measure_neighbours": "5 近傍法の正解率",
        "measure_adjusted_rand_index": "クラスタリングの調整ランド指数（ARI）",
        "measure_normalized_mutual_information": "クラスタリングの正規化相互情報量（NMI）",
        "comparison_title": "{data} で学習したモデルの比較",
        "comparison_lead": (
            "{models} を，同じ{rows} {n_rows} 件で同じように評価しました．各モデルの次元数と同じ "
            "成分数の PCA も並べています．"
        ),
        "comparison_learning": (
            "各エポックにおける学習データの目的関数．単位が同じものだけを同じ軸に描いています．"
            "収束の速さを比べてください．値の大小を比べられるのは，目的関数が同じモデル同士だけです．"
        ),
        "comparison_reconstructions_alt": "元の画像と，各モデルによる再構成．",
        "comparison_reconstructions": (
            "同じ 10 枚の画像を各モデルで再構成したもの．どのモデルにも難しい列と，細い線を保てている"
            "行を探してください．"
        ),
        "comparison_samples_alt": "各モデルが生成した画像．1 行が 1 つのモデル．",
        "comparison_samples": (
            "各モデルがそれぞれのサンプラーで生成した 10 枚の画像．どの数字でもない形や，ぼやけを"
            "探してください．"
        ),
        "worst_columns": "{n_columns} 列のうち，誤差の大きい {n_shown} 列を示しています．",
        "figures": "図",
        "settings": "設定",
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
        "reconstructions_dae": (
            "上から順に，元画像 10 枚，学習時と同じように壊した画像，モデルによる復元．途切れた線が"
            "つながったところと，手がかりが足りずにモデルが補ってしまったところを探してください．"
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
        "atoms_alt": "画像として描いた 50 個のアトム．",
        "atoms": (
            "このデータで使われる回数の多い順に並べた 50 個のアトム（灰色が 0）．線や輪など，"
            "名前を付けられる形かどうかに注目してください．"
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
        "sampler_Autoregressive": "自己回帰 Transformer",
        "anomaly_title": "{data} の異常",
        "anomaly_lead": "{n_samples} 件のスコアを {scoring} で求めました．スコアが低いほど異常です．スコアが {threshold} を下回る {n_outliers} 件を，異常と判定します．",
        "anomaly_worst": "最も異常なデータ",
        "anomaly_tables_neighbors": "それぞれの表は，1 件のデータについて，異常度（スコアの符号を変えた値）への寄与が大きい列を示します．予想される値は，ほかのすべての列で最も近い 20 件の学習データの平均で，± の後は標準偏差です．",
        "anomaly_tables_autoencoder": "それぞれの表は，1 件のデータについて，異常度（スコアの符号を変えた値）への寄与が大きい列を示します．予想される値は，ほかのすべての列の値を与えたとき，オートエンコーダが同じ値に再構成する値です．",
        "anomaly_sample": "行 {row}：{about}",
        "anomaly_label": "ラベル",
        "anomaly_label_is": "ラベル {value}",
        "anomaly_score": "スコア",
        "anomaly_score_is": "スコア {value}",
        "anomaly_verdict": "判定",
        "anomaly_verdict_is": "{value}",
        "anomaly_p_value": "p 値",
        "anomaly_p_value_is": "p = {value}",
        "anomaly_outlier": "異常",
        "anomaly_normal": "正常",
        "anomaly_and": "，",
        "anomaly_column": "列",
        "anomaly_value": "値",
        "anomaly_expected": "予想される値",
        "anomaly_share": "寄与",
        "anomaly_row": "行",
        "anomaly_where": "異常な場所",
        "anomaly_images_neighbors": "スコアの低い画像です．左端が最も低いものです．中段は，最も近い学習画像の平均です．下段は，スコアへの各画素の寄与で，濃い画素ほど大きく寄与しています．",
        "anomaly_images_autoencoder": "スコアの低い画像です．左端が最も低いものです．中段は再構成です．下段は，スコアへの各画素の寄与で，濃い画素ほど大きく寄与しています．",
        "anomaly_images_alt": "画像が 3 段に並びます．上から，データ，予想される画像，寄与の地図です．",
    },
}
