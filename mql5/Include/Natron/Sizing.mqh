// Lots, and the distance of the stop. Distances are in points.
#include "Settings.mqh"

#define ATR_CANDLES 14

class CSizing
  {
private:
   string            m_why;

   double            Refuse(const string why)
     {
      m_why=why;
      return(0);
     }

public:
   string            Why(void) const { return(m_why); }
   //--- mean true range of the candles up to that many bars ago; 0 where there are too few
   static double     AtrPoints(const int bar)
     {
      MqlRates rates[];
      double sum=0;
      if(CopyRates(_Symbol,PERIOD_CURRENT,bar,ATR_CANDLES+1,rates)<ATR_CANDLES+1)
         return(0);
      for(int at=1; at<=ATR_CANDLES; at++)
         sum+=MathMax(rates[at].high,rates[at-1].close)-MathMin(rates[at].low,rates[at-1].close);
      return(sum/ATR_CANDLES/_Point);
     }
   //--- a distance of so many ranges in whole points, downwards, so that a level is not a matter of rounding
   static double     Points(const double ranges,const double atr) { return(MathFloor(ranges*atr+1e-6)); }
   //--- points between two prices that the broker knows: more than one on some indices and futures
   static double     TickPoints(void) { return(MathMax(1,SymbolInfoDouble(_Symbol,SYMBOL_TRADE_TICK_SIZE)/_Point)); }
   //--- a distance on the broker's grid, not shorter
   static double     OnGrid(const double points) { return(MathCeil(points/TickPoints()-1e-6)*TickPoints()); }
   //--- a stop's level on the broker's grid, not nearer to the price
   static double     Level(const double level,const int side)
     {
      double tick=TickPoints()*_Point;
      if(TickPoints()<1.5)
         return(NormalizeDouble(level,_Digits));
      return(NormalizeDouble((side>0 ? MathFloor(level/tick+1e-6) : MathCeil(level/tick-1e-6))*tick,_Digits));
     }
   //--- what a point of one lot is worth in account currency, at a loss
   static double     PointValue(void)
     {
      double tick_size=SymbolInfoDouble(_Symbol,SYMBOL_TRADE_TICK_SIZE);
      return(tick_size>0 ? SymbolInfoDouble(_Symbol,SYMBOL_TRADE_TICK_VALUE_LOSS)*_Point/tick_size : 0);
     }
   //--- lots that lose at most the risk at the stop, down to the step; 0 and why where there are none
   double            Lots(const SNatronSettings &s,const double stop_points,const double share)
     {
      double least=SymbolInfoDouble(_Symbol,SYMBOL_VOLUME_MIN);
      double most=MathMin(SymbolInfoDouble(_Symbol,SYMBOL_VOLUME_MAX),s.max_lots);
      double step=SymbolInfoDouble(_Symbol,SYMBOL_VOLUME_STEP);
      double loss=stop_points*PointValue();
      m_why="";
      if(!(loss>0) || !(step>0))
         return(Refuse("the broker tells no value of a point"));
      double money=MathMin(AccountInfoDouble(ACCOUNT_BALANCE),AccountInfoDouble(ACCOUNT_EQUITY))*s.risk_percent/100;
      double lots=s.fixed_lots>0 ? s.fixed_lots : money*share/loss;
      lots=MathFloor(MathMin(lots,most)/step+1e-9)*step;
      if(lots<least-1e-9)
         return(Refuse("the risk allows less than the smallest lot"));
      return(NormalizeDouble(lots,8));
     }
   bool              MarginSuffices(const int side,const double lots,const double price)
     {
      double margin=0;
      if(!OrderCalcMargin(side>0 ? ORDER_TYPE_BUY : ORDER_TYPE_SELL,_Symbol,lots,price,margin) || margin>0.9*AccountInfoDouble(ACCOUNT_MARGIN_FREE))
        {
         m_why="not enough free margin";
         return(false);
        }
      return(true);
     }
  };
